import { ed25519Scheme } from '@lic/core';
import { LicError, type PeerLink } from '@lic/interfaces';
import { createMemoryNetwork, createVirtualWorld, type MemoryNetwork, type VirtualWorld } from '@lic/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { callLimits, createPeerCalls, type Json, type PeerCalls } from './peer-calls.ts';
import { makeMembers, startPeers, type TestMembers } from './peer-triad.test.fixture.ts';

let members: TestMembers;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme, 2);
});

interface Pair {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly a: PeerCalls;
  readonly b: PeerCalls;
  readonly idB: string;
  readonly links: Map<string, PeerLink>;
  settled<Value>(promise: Promise<Value>, forMs?: number): Promise<PromiseSettledResult<Value>>;
}

async function pair(): Promise<Pair> {
  const world = createVirtualWorld({ seed: 1 });
  const network = createMemoryNetwork({ world, latency: { minMs: 0.1, maxMs: 0.5 } });
  const start = async (at: number, host: string) => {
    const runtime = world.runtime(host);
    const server = await startPeers({
      scheme: ed25519Scheme,
      members,
      at,
      runtime,
      transport: network.transport(host),
    });
    return { server, calls: createPeerCalls(server.peers, { runtime }) };
  };
  const [a, b] = [await start(0, 'a'), await start(1, 'b')];
  await world.run({ forMs: 100 });
  return {
    world,
    network,
    a: a.calls,
    b: b.calls,
    idB: b.server.id,
    links: a.server.links,
    async settled(promise, forMs = 100) {
      const [settled] = await Promise.all([Promise.allSettled([promise]), world.run({ forMs })]);
      return settled[0];
    },
  };
}

describe('calls among servers', () => {
  it('answer what was asked, each its own, in whatever order the answers come', async () => {
    const { world, a, b, idB, settled } = await pair();
    b.handle('echo', async (params) => {
      const { text, afterMs } = params as { text: string; afterMs: number };
      await new Promise<void>((resolve) => void world.schedule(afterMs, resolve));
      return { text };
    });
    const answers = await settled(
      Promise.all([20, 10, 0].map((afterMs) => a.call(idB, 'echo', { text: `${afterMs}`, afterMs }, 1_000))),
    );
    expect(answers).toMatchObject({ value: [{ text: '20' }, { text: '10' }, { text: '0' }] });
  });

  it('carry the error of the other side with code, details, and whether a retry helps', async () => {
    const { a, b, idB, settled } = await pair();
    b.handle('refuse', () => {
      throw new LicError('NO_QUORUM', 'No majority.', { retryable: true, details: { missing: ['c'] } });
    });
    b.handle('break', () => {
      throw new TypeError('a bug');
    });
    expect(await settled(a.call(idB, 'refuse', null, 1_000))).toMatchObject({
      reason: { code: 'NO_QUORUM', message: 'No majority.', retryable: true, details: { missing: ['c'] } },
    });
    expect(await settled(a.call(idB, 'break', null, 1_000))).toMatchObject({
      reason: { code: 'INTERNAL', retryable: false },
    });
    expect(await settled(a.call(idB, 'unheard-of', null, 1_000))).toMatchObject({
      reason: { code: 'METHOD_UNKNOWN', retryable: true },
    });
  });

  it('fail when the time is up, and ignore an answer that comes later', async () => {
    const { world, a, b, idB, settled } = await pair();
    let answer: (value: Json) => void = () => {};
    b.handle('slow', () => new Promise<Json>((resolve) => (answer = resolve)));
    expect(await settled(a.call(idB, 'slow', null, 50))).toMatchObject({
      reason: { code: 'PEER_TIMEOUT', retryable: true },
    });
    answer('late');
    await world.run({ forMs: 100 });
    b.handle('quick', () => 'now');
    expect(await settled(a.call(idB, 'quick', null, 50))).toMatchObject({ value: 'now' });
  });

  it('fail at once where there is no link, and when it ends', async () => {
    const { network, a, b, idB, settled } = await pair();
    expect(await settled(a.call('stranger', 'x', null, 1_000), 0)).toMatchObject({
      reason: { code: 'PEER_UNREACHABLE' },
    });
    b.handle('never', () => new Promise<Json>(() => {}));
    const pending = a.call(idB, 'never', null, 60_000);
    network.resetAll('a');
    expect(await settled(pending)).toMatchObject({ reason: { code: 'PEER_UNREACHABLE', retryable: true } });
    b.handle('again', () => 'here');
    expect(await settled(a.call(idB, 'again', null, 1_000))).toMatchObject({ value: 'here' });
  });

  it('are bounded in number, on either side, and in size', async () => {
    const { a, b, idB, settled } = await pair();
    b.handle('never', () => new Promise<Json>(() => {}));
    const pending = [...Array(callLimits.inFlightMax)].map(() => a.call(idB, 'never', null, 500).catch(() => {}));
    expect(await settled(a.call(idB, 'never', null, 500))).toMatchObject({
      reason: { code: 'PEER_BUSY', retryable: true },
    });
    await settled(Promise.all(pending), 1_000);
    // The other side still works on the first ones, although nobody waits for them.
    expect(await settled(a.call(idB, 'never', null, 500))).toMatchObject({ reason: { code: 'PEER_BUSY' } });

    const large = 'x'.repeat(callLimits.messageBytesMax);
    expect(await settled(a.call(idB, 'never', large, 500))).toMatchObject({ reason: { code: 'CALL_TOO_LARGE' } });
  });

  it('refuse an answer that is too large', async () => {
    const { a, b, idB, settled } = await pair();
    b.handle('large', () => 'x'.repeat(callLimits.messageBytesMax));
    expect(await settled(a.call(idB, 'large', null, 500))).toMatchObject({ reason: { code: 'CALL_TOO_LARGE' } });
  });
});
