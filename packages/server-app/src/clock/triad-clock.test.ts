import { ed25519Scheme } from '@lic/core';
import {
  createMemoryNetwork,
  createVirtualWorld,
  type MemoryNetwork,
  type VirtualRuntime,
  type VirtualWorld,
} from '@lic/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { hosts, keepingLogger, makeMembers, startPeers, type TestMembers } from '../peers/peer-triad.test.fixture.ts';
import { decodeClock, encodeAnswer, encodeQuestion } from './clock-frames.ts';
import { createTriadClock, type TriadClock } from './triad-clock.ts';

const minute = 60_000;
const hour = 60 * minute;

let members: TestMembers;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme);
});

interface ClockServer {
  readonly clock: TriadClock;
  readonly runtime: VirtualRuntime;
  readonly logger: ReturnType<typeof keepingLogger>;
  readonly changes: { count: number };
}

interface ClockHall {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly servers: readonly ClockServer[];
  /** License time, the same at all three, as if the log brought it. */
  licenseTimeMs: number;
  /** Server `at` stamps a command, which is applied. */
  apply(at: number): number;
  run(ms: number): Promise<boolean>;
}

async function makeHall(
  options: {
    readonly offsetsMs?: readonly number[];
    readonly latencyMs?: readonly [number, number];
    readonly everyMs?: number;
  } = {},
): Promise<ClockHall> {
  const world = createVirtualWorld({ seed: 1 });
  const [minMs, maxMs] = options.latencyMs ?? [0.1, 2];
  const network = createMemoryNetwork({ world, latency: { minMs, maxMs } });
  const servers: ClockServer[] = [];
  const hall = {
    world,
    network,
    servers,
    licenseTimeMs: 0,
    apply(at: number) {
      const stampMs = servers[at]?.clock.stampMs() ?? 0;
      hall.licenseTimeMs = Math.max(hall.licenseTimeMs, stampMs);
      return stampMs;
    },
    run: (ms: number) => world.run({ forMs: ms }),
  };
  for (const at of [0, 1, 2]) {
    const host = hosts[at] ?? '';
    const runtime = world.runtime(host, { wallOffsetMs: options.offsetsMs?.[at] ?? 0 });
    const { peers } = await startPeers({
      scheme: ed25519Scheme,
      members,
      at,
      runtime,
      transport: network.transport(host),
    });
    const logger = keepingLogger();
    const clock = createTriadClock({
      runtime,
      logger,
      network: peers,
      members: () => members.endpoints.map(({ id }) => id),
      licenseTimeMs: () => hall.licenseTimeMs,
      everyMs: options.everyMs ?? 1_000,
    });
    const changes = { count: 0 };
    clock.onChange(() => changes.count++);
    clock.start();
    servers.push({ clock, runtime, logger, changes });
  }
  return hall;
}

describe('the clock of a triad', () => {
  it('is agreed upon as soon as the servers are linked', async () => {
    const hall = await makeHall();
    expect(hall.servers.map(({ clock }) => clock.stampMs())).toEqual([0, 0, 0]);
    await hall.run(100);
    for (const { clock, runtime } of hall.servers) {
      expect(clock.isAgreed).toBe(true);
      expect(Math.abs(clock.stampMs() - runtime.now())).toBeLessThan(10);
      expect(clock.reports()).toHaveLength(2);
    }
  });

  it('is the median, seen from everywhere; who is off raises its alarm, with everyone', async () => {
    const hall = await makeHall({ offsetsMs: [5 * hour, 1_000, 0] });
    await hall.run(2_000);
    const trueMs = hall.servers[2]?.runtime.now() ?? 0;
    for (const { clock } of hall.servers) {
      expect(Math.abs(clock.stampMs() - (trueMs + 1_000))).toBeLessThan(10);
      expect(members.endpoints.map(({ id }) => clock.alarmOf(id))).toEqual([true, false, false]);
    }
    expect(hall.servers.map(({ clock }) => clock.alarm)).toEqual([true, false, false]);
    const [first] = hall.servers;
    expect(
      first?.logger.lines.some(({ level, message }) => level === 'warn' && message.startsWith('Clock alarm')),
    ).toBe(true);
    first?.runtime.stepWall(-5 * hour);
    await hall.run(1_100);
    expect(hall.servers.map(({ clock }) => clock.alarm)).toEqual([false, false, false]);
    for (const { changes } of hall.servers) expect(changes.count).toBeGreaterThanOrEqual(2);
  });

  it('does not take the way there and back for a difference', async () => {
    const hall = await makeHall({ offsetsMs: [0, 7_000, 0], latencyMs: [200, 200] });
    await hall.run(5_000);
    const report = hall.servers[0]?.clock.reports().find(({ peer }) => peer === members.endpoints[1]?.id);
    expect(Math.abs((report?.offsetMs ?? 0) - 7_000)).toBeLessThan(2);
    expect(report?.ageMs).toBeLessThanOrEqual(1_500);
  });

  it('goes on from the last agreement for a server that is cut off, and says so', async () => {
    const hall = await makeHall();
    await hall.run(1_000);
    hall.apply(0);
    hall.network.partition(['a'], ['b', 'c']);
    await hall.run(30_000);
    const [a, b] = hall.servers;
    expect(a?.clock.isAgreed).toBe(false);
    expect(a?.clock.reports()).toEqual([]);
    expect(b?.clock.isAgreed).toBe(true);
    expect(a?.logger.lines.some(({ message }) => message.startsWith('The clocks of too few'))).toBe(true);
    const beforeMs = a?.clock.stampMs() ?? 0;
    a?.runtime.stepWall(3 * hour);
    await hall.run(10_000);
    expect(Math.abs((a?.clock.stampMs() ?? 0) - beforeMs - 10_000)).toBeLessThan(5);
    // And its own clock is what is wrong.
    expect(a?.clock.alarm).toBe(true);
  });

  it('waits with a leap for ten minutes of agreement', async () => {
    const hall = await makeHall({ everyMs: 10_000 });
    await hall.run(1_000);
    hall.apply(0);
    for (const { runtime } of hall.servers) runtime.stepWall(3 * hour);
    await hall.run(9 * minute);
    for (const { clock } of hall.servers) expect(clock.pendingLeapMs()).toBeGreaterThan(2.9 * hour);
    const beforeMs = hall.apply(1);
    await hall.run(2 * minute);
    expect(hall.servers.map(({ clock }) => clock.pendingLeapMs())).toEqual([null, null, null]);
    expect(hall.apply(1) - beforeMs).toBeGreaterThan(2.9 * hour);
  });

  it('takes a leap that an operator accepts, everywhere once it was applied', async () => {
    const hall = await makeHall();
    await hall.run(1_000);
    hall.apply(0);
    for (const { runtime } of hall.servers) runtime.stepWall(3 * hour);
    await hall.run(2_000);
    const [a, b] = hall.servers;
    a?.clock.acceptLeap();
    expect(a?.clock.pendingLeapMs()).toBeNull();
    expect(b?.clock.pendingLeapMs()).not.toBeNull();
    hall.apply(0);
    expect(b?.clock.pendingLeapMs()).toBeNull();
    expect(Math.abs((b?.clock.stampMs() ?? 0) - (b?.runtime.now() ?? 0))).toBeLessThan(10);
  });

  it('stops asking when it is stopped', async () => {
    const hall = await makeHall();
    await hall.run(1_000);
    for (const { clock } of hall.servers) clock.stop();
    await hall.run(30_000);
    for (const { clock } of hall.servers) expect(clock.reports()).toEqual([]);
  });
});

describe('a clock frame', () => {
  it('says what was said', () => {
    expect(decodeClock(encodeQuestion(7))).toEqual({ kind: 'question', id: 7 });
    expect(decodeClock(encodeAnswer(8, 1234.5))).toEqual({ kind: 'answer', id: 8, wallMs: 1234.5 });
  });

  it('is nothing where it is anything else', () => {
    for (const frame of [
      new Uint8Array(),
      new Uint8Array(5),
      new Uint8Array(13),
      encodeQuestion(1).subarray(1),
      encodeAnswer(1, Number.NaN),
      encodeAnswer(1, Number.POSITIVE_INFINITY),
    ]) {
      expect(decodeClock(frame)).toBeUndefined();
    }
  });
});
