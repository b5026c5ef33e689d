import type { LedgerSummary } from '@lic/core';
import type { ConsensusStatus } from '@lic/interfaces';
import { createVirtualWorld } from '@lic/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import type { Json } from '../peers/peer-calls.ts';
import { keepingLogger } from '../peers/peer-triad.test.fixture.ts';
import { VersionKeeper } from './version-keeper.ts';

const timing = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 };
const endpoint = (id: string) => ({ id, name: id, rank: 1, addresses: [] });
const running: VersionKeeper[] = [];
afterEach(() => {
  for (const keeper of running.splice(0)) keeper.stop();
});

/** A keeper at `a`, which knows up to version 3 while 1 is in force; `others` say so much. */
async function proposalsOf(others: Record<string, number | 'silent' | 'away'>, more: Partial<ConsensusStatus> = {}) {
  const world = createVirtualWorld({ seed: 1 });
  const proposed: unknown[] = [];
  let inForce = 1;
  let asked = 0;
  const facts = { state: 'standby', pid: null, version: null, lastApplied: 1, stateHash: 'x', hashNotes: [] };
  const keeper = new VersionKeeper({
    runtime: world.runtime('a'),
    logger: keepingLogger(),
    ledger: { summary: () => ({ licenseHash: 'x', ledgerVersion: inForce }) as LedgerSummary },
    consensus: { status: () => ({ state: 'in-control', ...more }) as ConsensusStatus },
    propose: async (command) => {
      proposed.push(command);
      if (command.kind === 'raiseVersion') inForce = command.ledgerVersion;
      return { reply: { kind: 'ok' }, events: [] };
    },
    calls: {
      handle() {},
      call: async (peer) => {
        asked++;
        const says = others[peer];
        if (says === 'away') throw new Error('away');
        const all = { ...facts, clockAlarm: false, trouble: null, notices: [] };
        return (says === 'silent' ? all : { ...all, ledgerVersionMax: says }) as unknown as Json;
      },
    },
    self: 'a',
    roster: { servers: [endpoint('a'), endpoint('b')], links: ['a', ...Object.keys(others)].map(endpoint) },
    versionMax: 3,
    timing,
  });
  running.push(keeper);
  await world.run({ forMs: 10_000 });
  return { proposed, asked };
}

describe('the ledger version', () => {
  it.each<[string, Record<string, number | 'silent' | 'away'>, number | null]>([
    ['is raised to what all know', { b: 3, c: 2 }, 2],
    ['is raised to what this server knows at most', { b: 9, c: 9 }, 3],
    ['is raised by one alone', {}, 3],
    ['is not raised where one knows no more', { b: 3, c: 1 }, null],
    ['is not raised where one does not say', { b: 3, c: 'silent' }, null],
    ['is not raised where one is away', { b: 'away', c: 3 }, null],
    ['is not raised where one that is still a member is away', { b: 3, c: 3, x: 'away' }, null],
  ])('%s', async (_what, others, version) => {
    const { proposed } = await proposalsOf('b' in others ? others : { ...others, b: 3 });
    expect(proposed).toEqual(version === null ? [] : [{ kind: 'raiseVersion', ledgerVersion: version }]);
  });

  it("is nobody's to raise but the one in control's", async () => {
    expect(await proposalsOf({ b: 3 }, { state: 'standby' })).toEqual({ proposed: [], asked: 0 });
  });
});
