import { createLedger } from '@lic/core';
import { silentLogger } from '@lic/interfaces';
import { createVirtualWorld } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { Json, PeerCalls } from '../peers/peer-calls.ts';
import type { TriadPeers } from '../peers/triad-peers.ts';
import { StatusDesk, type StatusDeskParts } from './status-desk.ts';

const facts = {
  state: 'standby' as const,
  pid: 1,
  version: '1.0.0',
  lastApplied: 3,
  stateHash: 'aa',
  hashNotes: [],
  clockAlarm: false,
  trouble: null,
  notices: [],
};

/** The desk of server `a`, whose peer `b` answers every call with `answer`. */
function deskBeside(answer: Json, more: Partial<StatusDeskParts> = {}): StatusDesk {
  const ids = ['a', 'b'];
  return new StatusDesk({
    runtime: createVirtualWorld({ seed: 1 }).runtime('a'),
    logger: silentLogger,
    ledger: createLedger({ verifyLicense: () => undefined }),
    peers: { self: 'a', peers: () => ['b'] } as unknown as TriadPeers,
    calls: { handle() {}, call: async () => answer } satisfies PeerCalls,
    clock: { reports: () => [] } as unknown as TriadClock,
    view: () => ({ state: 'in-control', term: 2, leader: 'a', trouble: null }),
    facts: async () => ({ ...facts, state: 'in-control' }),
    endpoints: () => ids.map((id, index) => ({ id, name: `server-${id}`, rank: index + 1, addresses: [] })),
    readBarrier: async () => {},
    controlAgeMsMax: 1_000,
    ...more,
  });
}

const states = async (desk: StatusDesk) => (await desk.report(true)).servers.map(({ state }) => state);

describe('a report with the facts of a peer', () => {
  it('has them, and passes over what a newer version says besides', async () => {
    expect(await states(deskBeside({ ...facts, mood: 'good' }))).toEqual(['in-control', 'standby']);
  });

  it.each<[string, Json]>([
    ['nothing', null],
    ['no object', 'standby'],
    ['no hashes', { ...facts, hashNotes: null }],
    ['a state that is not known here', { ...facts, state: 'asleep' }],
    ['an index that is no number', { ...facts, lastApplied: 'three' }],
  ])('lists a peer as unreachable that answers with %s, and is made all the same', async (_what, answer) => {
    expect(await states(deskBeside(answer))).toEqual(['in-control', 'unreachable']);
  });
});

it('that the server in control does not give in a readable form is made here, and says that it is stale', async () => {
  const desk = deskBeside(
    { quorum: 'yes' },
    { view: () => ({ state: 'standby', term: 2, leader: 'b', trouble: null }) },
  );
  expect(await desk.report(true)).toMatchObject({ stale: true, quorum: false, inControl: null });
});
