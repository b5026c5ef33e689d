import type { ConsensusStatus } from '@lic/interfaces';
import { createVirtualWorld } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import type { Json, PeerCalls } from '../peers/peer-calls.ts';
import { keepingLogger } from '../peers/peer-triad.test.fixture.ts';
import type { ServerFacts } from '../status/server-facts.ts';
import { PeerRoster } from './peer-roster.ts';
import { StateKeeper } from './state-keeper.ts';

const timing = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 };
const ids = ['a', 'b', 'c'] as const;
type Id = (typeof ids)[number];

/** Three servers, each with its keeper, that reach each other's calls at once. `a` is in control. */
class Trio {
  readonly world = createVirtualWorld({ seed: 1 });
  readonly hashes: Record<Id, string> = { a: 'x', b: 'x', c: 'x' };
  readonly away = new Set<Id>();
  readonly told: string[] = [];
  readonly keepers: Record<Id, StateKeeper>;
  readonly loggers = { a: keepingLogger(), b: keepingLogger(), c: keepingLogger() };
  appliedIndex = 5;
  inControl: Id = 'a';
  comparisons = 0;

  constructor() {
    const handlers = new Map<string, (params: Json, from: string) => Promise<Json> | Json>();
    const keeper = (self: Id): StateKeeper => {
      const calls: PeerCalls = {
        handle: (method, handler) => void handlers.set(`${self} ${method}`, handler),
        call: async (peer, method, params) => {
          if (this.away.has(peer as Id)) throw new Error('away');
          if (method !== 'status.facts') return (await handlers.get(`${peer} ${method}`)?.(params, self)) ?? null;
          this.comparisons += peer === 'b' ? 1 : 0;
          return this.#facts(peer as Id);
        },
      };
      const roster = new PeerRoster(() => {});
      roster.seeded(
        ids.map((id, at) => ({ id, name: `server-${id}`, rank: at + 1, addresses: [] })),
        0,
      );
      return new StateKeeper({
        runtime: this.world.runtime(self),
        logger: this.loggers[self],
        consensus: {
          status: () =>
            ({
              state: this.inControl === self ? 'in-control' : 'standby',
              appliedIndex: this.appliedIndex,
              peers: [1, 2],
            }) as unknown as ConsensusStatus,
        },
        control: {
          yieldControl: async () => {
            if (this.inControl !== self) return true;
            this.told.push(`${self} hands over`);
            this.inControl = 'b';
            return true;
          },
        },
        calls,
        self,
        roster,
        facts: async () => this.#facts(self),
        timing,
        onOdd: (why) => this.told.push(`${self} is odd: ${why.slice(0, 18)}`),
      });
    };
    this.keepers = { a: keeper('a'), b: keeper('b'), c: keeper('c') };
  }

  #facts(id: Id): ServerFacts {
    const state = this.inControl === id ? 'in-control' : 'standby';
    const rest = { pid: null, version: null, clockAlarm: false, trouble: null, notices: [], hashNotes: [] };
    return { ...rest, state, lastApplied: this.appliedIndex, stateHash: this.hashes[id] };
  }

  halted(): string {
    return ids.filter((id) => this.keepers[id].isHalted).join('');
  }

  run(forMs: number): Promise<unknown> {
    return this.world.run({ forMs });
  }
}

describe('states', () => {
  it('are compared every ten seconds in which something has changed, and after many entries at once', async () => {
    const trio = new Trio();
    await trio.run(1_000);
    expect(trio.comparisons).toBe(1);
    await trio.run(30_000);
    expect(trio.comparisons).toBe(1);
    trio.appliedIndex++;
    await trio.run(1_000);
    expect(trio.comparisons).toBe(2);
    trio.appliedIndex++;
    await trio.run(9_000);
    expect(trio.comparisons).toBe(2);
    await trio.run(1_000);
    expect(trio.comparisons).toBe(3);
    trio.appliedIndex += 1_024;
    await trio.run(200);
    expect(trio.comparisons).toBe(4);
  });

  it('that are the same leave everybody alone', async () => {
    const trio = new Trio();
    await trio.run(1_000);
    expect([trio.told, trio.halted()]).toEqual([[], '']);
  });

  it('of which a stand-by differs: it is told, by itself finds it so, and says it; nobody else is stopped', async () => {
    const trio = new Trio();
    trio.hashes.c = 'z';
    await trio.run(1_000);
    expect(trio.told).toEqual(['c is odd: STATE HASH DIFFERS']);
    expect(trio.halted()).toBe('c');
    expect(trio.loggers.a.lines).toContainEqual(
      expect.objectContaining({ level: 'error', fields: expect.objectContaining({ server: 'server-c' }) }),
    );
    expect(trio.loggers.c.lines.some(({ level }) => level === 'error')).toBe(true);
  });

  it('of which the one in control differs: it hands over first', async () => {
    const trio = new Trio();
    trio.hashes.a = 'z';
    await trio.run(1_000);
    expect(trio.told).toEqual(['a hands over', 'a is odd: STATE HASH DIFFERS']);
  });

  it('of two that differ stop both, until a third shows which is right', async () => {
    const trio = new Trio();
    trio.away.add('c');
    trio.hashes.b = 'z';
    await trio.run(1_000);
    expect(trio.halted()).toBe('ab');
    expect(trio.keepers.a.notices()).toEqual([expect.stringContaining('STATE_DIFFERS')]);
    expect(trio.told).toEqual([]);
    await trio.run(60_000);
    expect(trio.halted()).toBe('ab');
    trio.away.delete('c');
    await trio.run(1_000);
    expect(trio.told).toEqual(['b is odd: STATE HASH DIFFERS']);
    expect(trio.halted()).toBe('b');
    expect(trio.keepers.a.notices()).toEqual([]);
  });

  it('that differ for a moment only are none', async () => {
    const trio = new Trio();
    trio.hashes.c = 'z';
    trio.world.schedule(150, () => {
      trio.hashes.c = 'x';
    });
    await trio.run(5_000);
    expect([trio.told, trio.halted()]).toEqual([[], '']);
  });
});
