/**
 * Proposals per second of three servers in one process, with the real log on disk: how much the protocol costs above a bare
 * replicator. Folders are made where the bench is run. From the repository's root:
 *
 *     npx esbuild packages/consensus/bench/proposals.ts --bundle --platform=node --format=esm --conditions=@lic/source \
 *       | node --input-type=module -
 *
 * Compare the lines of one run with each other; between machines and days they differ by half.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { type Consensus, type Runtime, type StateMachine, silentLogger } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { fileLogStore, MemoryPeerHub, raft } from '../src/index.ts';

const secondsPerLine = 3;
const commandBytes = 1024;
const members = ['a', 'b', 'c'].map((id) => ({ id, incarnation: `${id}-1` }));

/** Counts. The bench is about consensus, not about what it replicates. */
class CountingMachine implements StateMachine<number> {
  count = 0;

  prepare(): void {}

  apply(): number {
    this.count += 1;
    return this.count;
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(String(this.count));
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.count = Number(Buffer.from(chunk).toString());
  }

  hash(): string {
    return String(this.count);
  }
}

async function startServer(hub: MemoryPeerHub, folder: string, id: string, clock: Runtime): Promise<Consensus<number>> {
  const store = fileLogStore({ directory: `${folder}/${id}`, runtime: clock });
  const consensus = raft()<number>({
    runtime: clock,
    logger: silentLogger,
    network: hub.join(id),
    store,
    contents: await store.open(),
    self: { id, incarnation: `${id}-1` },
    formation: { instance: 'bench', members },
    timing: { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1000 },
    rankOf: (member) => members.findIndex((each) => each.id === member) + 1,
  });
  await consensus.start(new CountingMachine());
  return consensus;
}

async function measure(consensus: Consensus<number>, proposers: number): Promise<string> {
  const command = Buffer.alloc(commandBytes, 'x');
  const latencies: number[] = [];
  const began = performance.now();
  const until = began + secondsPerLine * 1000;
  await Promise.all(
    Array.from({ length: proposers }, async () => {
      for (let at = performance.now(); at < until; ) {
        await consensus.propose(command);
        const now = performance.now();
        latencies.push(now - at);
        at = now;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
  const rate = Math.round(latencies.length / seconds);
  return `${String(proposers).padStart(4)} proposers  ${String(rate).padStart(7)}/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms`;
}

const folder = await mkdtemp('./bench-');
try {
  // As between processes, a frame arrives in a later turn of the event loop.
  const hub = new MemoryPeerHub({ schedule: (deliver) => void setImmediate(deliver) });
  const servers: Consensus<number>[] = [];
  for (const { id } of members) servers.push(await startServer(hub, folder, id, runtime));
  const leader = await new Promise<Consensus<number>>((resolve) => {
    for (const server of servers) server.on({ onControlGained: () => resolve(server) });
  });
  for (const proposers of [1, 16, 64, 256]) console.log(await measure(leader, proposers));
  for (const server of servers) await server.stop();
} finally {
  await rm(folder, { recursive: true });
}
