import { ed25519Scheme } from '@lic/core';
import type { PeerLink } from '@lic/interfaces';
import { createMemoryNetwork, createVirtualWorld, type VirtualRuntime } from '@lic/testkit';
import { beforeAll, expect, it } from 'vitest';
import { hosts, makeMembers, startPeers, type TestMembers, type TestServer } from './peer-triad.test.fixture.ts';

let members: TestMembers;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme);
});

/** Counts up on every link, and checks that what comes on each is the other end's count, from 0, without a gap. */
function count(server: TestServer, runtime: VirtualRuntime, failures: string[]): void {
  const current = new Map<string, PeerLink>();
  server.peers.channel('count').onLink((link) => {
    const before = current.get(link.peer);
    current.set(link.peer, link);
    let isEnded = false;
    let sent = 0;
    let expected = 0;
    const tick = () => {
      if (isEnded) return;
      link.send(Uint8Array.of(sent >> 8, sent & 255));
      sent++;
      runtime.setTimer(7, tick);
    };
    tick();
    link.onFrame((frame) => {
      if (isEnded) failures.push('a frame came after the end');
      const value = ((frame[0] ?? 0) << 8) | (frame[1] ?? 0);
      if (value !== expected) failures.push(`expected ${expected}, got ${value}`);
      expected = value + 1;
    });
    link.onClose(({ kind }) => {
      if (isEnded) failures.push('ended twice');
      isEnded = true;
      const isReplaced = current.get(link.peer) !== link;
      if (kind === 'replaced' && !isReplaced) failures.push('said "replaced" before the replacement was here');
      if (!isReplaced) current.delete(link.peer);
    });
    if (before !== undefined && before.bootId !== link.bootId) failures.push('two processes of one peer at once');
  });
}

it.each([...Array(8).keys()])('links survive whatever the network and the processes do (seed %i)', async (seed) => {
  const world = createVirtualWorld({ seed });
  const network = createMemoryNetwork({ world, latency: { minMs: 0.1, maxMs: seed % 2 === 0 ? 0.5 : 20 } });
  const random = world.random.fork('chaos');
  const failures: string[] = [];
  const servers = new Map<number, { server: TestServer; runtime: VirtualRuntime }>();
  let starts = 0;

  const start = async (at: number) => {
    const runtime = world.runtime(`process${starts++}`);
    const transport = network.transport(hosts[at] ?? '');
    const server = await startPeers({ scheme: ed25519Scheme, members, at, runtime, transport });
    count(server, runtime, failures);
    servers.set(at, { server, runtime });
  };
  const kill = (at: number) => {
    servers.get(at)?.runtime.kill();
    servers.delete(at);
    network.killHost(hosts[at] ?? '', { seenAs: random.pick(['reset', 'orderly', 'silence'] as const) });
  };
  for (const at of [0, 1, 2]) await start(at);

  for (let round = 0; round < 60; round++) {
    const [one, other] = random.pick([
      ['a', 'b'],
      ['b', 'c'],
      ['a', 'c'],
    ] as const);
    const at = random.between(0, 2);
    const process = servers.get(at);
    const deeds: readonly (() => void | Promise<void>)[] = [
      () => network.resetAll(one, other),
      () => network.halfOpen(one, other),
      () => network.block(one, other),
      () => network.partition([one], [other]),
      () => network.heal(),
      () => network.heal(),
      () => network.setConnectionLoss(random.pick([0, 0, 0.02])),
      () => (process === undefined ? start(at) : kill(at)),
      () => (process?.runtime.isPaused === true ? process.runtime.resume() : process?.runtime.pause()),
      () => process?.runtime.resume(),
    ];
    await random.pick(deeds)();
    await world.run({ forMs: random.between(1, 400) });
    expect(failures).toEqual([]);
  }

  // Whatever happened: once nothing happens any more, all are linked, each pair by one connection.
  network.heal();
  network.setConnectionLoss(0);
  for (const at of [0, 1, 2]) {
    if (!servers.has(at)) await start(at);
    servers.get(at)?.runtime.resume();
  }
  await world.run({ forMs: 30_000 });
  expect(failures).toEqual([]);
  for (const { server } of servers.values()) {
    expect([...server.links.keys()].sort()).toEqual(
      hosts.filter((host) => host !== members.endpoints.find(({ id }) => id === server.id)?.name),
    );
    expect(server.peers.identityInUse).toBe(false);
    expect(server.openConnections()).toBe(2);
  }
});
