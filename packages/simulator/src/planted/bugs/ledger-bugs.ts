import type { PlantedBug } from '../planted-bug.ts';

const ledger = 'packages/core/src/ledger';

/** What the servers make of the log. */
export const ledgerBugs: readonly PlantedBug[] = [
  {
    name: 'two-servers-exchanged',
    what: 'A reload may exchange the identities of two servers at once.',
    breaks: ['I1'],
    focus: { faults: [], deeds: ['reload'] },
    patches: [
      {
        file: 'packages/core/src/license/server-changes.ts',
        find: 'return Math.max(added.length, removed.length) <= 1;',
        replace: 'return Math.max(added.length, removed.length) <= 2;',
      },
    ],
  },
  {
    name: 'resume-takes-a-seat',
    what: 'A resume takes another seat.',
    breaks: ['I2', 'I6'],
    focus: { faults: ['crash', 'reset'], deeds: [] },
    patches: [
      {
        file: `${ledger}/resume.ts`,
        find: '  session.epoch++;',
        replace: '  session.epoch++;\n  for (const grant of grantsOf(session)) grant.pool.inUse++;',
      },
    ],
  },
  {
    name: 'epoch-not-raised',
    what: 'A resume does not raise the epoch.',
    breaks: ['I6'],
    focus: { faults: ['crash', 'reset'], deeds: [] },
    patches: [{ file: `${ledger}/resume.ts`, find: '  session.epoch++;', replace: '' }],
  },
  {
    name: 'older-epoch-served',
    what: 'A connection that a newer one has taken the place of is served.',
    breaks: ['I6'],
    focus: {
      faults: ['lateFrames', 'slowLink', 'oneWay', 'halfOpen', 'crash', 'reset', 'pause'],
      everyMs: 400,
      deeds: [],
      lastsMs: [300, 2_000],
    },
    patches: [
      {
        file: `${ledger}/session-requests.ts`,
        find: '    if (request.epoch !== session.epoch) return superseded;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'repeat-runs-again',
    what: 'A repeated request is run a second time.',
    breaks: ['I5', 'I9', 'progress'],
    focus: {
      faults: ['reset', 'crash', 'halfOpen', 'oneWay', 'cutClient'],
      everyMs: 250,
      deeds: [],
      plan: { think: { minMs: 0, maxMs: 200 }, latency: { minMs: 1, maxMs: 60 } },
    },
    patches: [
      {
        file: `${ledger}/session-requests.ts`,
        find: 'if (request.seq <= session.lastSeq) return repeat(state, session, request);',
        replace: 'if (request.seq < session.lastSeq) return repeat(state, session, request);',
      },
    ],
  },
  {
    name: 'ended-granted-again',
    what: 'A repeated checkout whose grant has ended since gets a new one.',
    breaks: ['I5'],
    focus: {
      faults: ['cutClient', 'reset'],
      everyMs: 200,
      deeds: [],
      lastsMs: [1_200, 3_000],
      plan: {
        features: [
          { name: 'compare', version: '1.0', count: 4, leaseSeconds: 1 },
          { name: 'merge', version: '2.0', count: 4, leaseSeconds: 4 },
        ],
        think: { minMs: 0, maxMs: 200 },
        grantsPerClient: 3,
        sync: { minMs: 5, maxMs: 60 },
        latency: { minMs: 1, maxMs: 60 },
      },
    },
    patches: [
      {
        file: `${ledger}/session-requests.ts`,
        find: '  const outcome = session.outcomes.get(request.seq);\n',
        replace:
          "  const outcome = session.outcomes.get(request.seq);\n  if (outcome?.kind === kinds.result && outcome.type === 'ended' && request.kind === 'checkout')\n    return runCheckout(state, session, request);\n",
      },
    ],
  },
  {
    name: 'snapshot-loses-sessions',
    what: 'A server that was filled by a snapshot does not find its sessions.',
    breaks: ['I4', 'I5', 'I9'],
    focus: { faults: ['crash', 'diskLost'], deeds: [], raft: { snapshotEntries: 5, keepEntries: 0 } },
    patches: [
      {
        file: `${ledger}/snapshot-reader.ts`,
        find: '        state.sessionsById.set(session.id, session);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'snapshot-loses-results',
    what: 'A server that was filled by a snapshot does not know which requests it has carried out.',
    breaks: ['I5', 'I9', 'bug'],
    focus: {
      faults: ['crash', 'reset', 'diskLost'],
      everyMs: 400,
      deeds: [],
      raft: { snapshotEntries: 5, keepEntries: 0 },
    },
    patches: [{ file: `${ledger}/snapshot-reader.ts`, find: '        linkResult(result);\n', replace: '' }],
  },
  {
    name: 'revoke-frees-at-once',
    what: "A revoked grant's seats are free at once, while its client works on.",
    breaks: ['I3'],
    focus: { faults: [], deeds: ['revoke'] },
    patches: [
      {
        file: `${ledger}/upkeep.ts`,
        find: 'makeEnding(state, grant, reason, command.reason);',
        replace: 'endGrant(state, grant, { reason, isUntold: true });',
      },
    ],
  },
  {
    name: 'time-runs-back',
    what: 'License time follows a clock that is set back.',
    breaks: ['I7'],
    focus: { faults: ['clockStep', 'crash'], deeds: ['transfer'] },
    patches: [
      {
        file: `${ledger}/license-time.ts`,
        find: 'state.timeMs = Math.max(state.timeMs, Math.floor(at));',
        replace: 'state.timeMs = Math.floor(at);',
      },
      {
        file: 'packages/server-app/src/clock/license-time.ts',
        find: 'Math.max(wantedMs, licenseTimeMs, state.stamp?.ms ?? 0)',
        replace: 'wantedMs',
      },
    ],
  },
  {
    name: 'hold-below-lease',
    what: 'The hold is shorter than the lease.',
    breaks: ['I3'],
    focus: {
      faults: ['cutClient'],
      everyMs: 900,
      deeds: [],
      lastsMs: [1_500, 4_000],
      plan: { hold: { minMs: 3_000, maxMs: 20_000 } },
    },
    patches: [
      {
        file: `${ledger}/pool-terms.ts`,
        find: 'Math.ceil(leaseMs * (1 + settings.drift) + settings.marginMs)',
        replace: 'Math.floor(leaseMs * 0.7)',
      },
    ],
  },
  {
    name: 'seat-oversold',
    what: 'A queue entry is served with one seat more than there is.',
    breaks: ['I2', 'I3', 'history'],
    focus: { faults: [], deeds: [], plan: { waitMsMax: 10_000 } },
    patches: [
      {
        file: `${ledger}/queue.ts`,
        find: '  let pools: readonly Pool[] = feature.pools;\n  if (!hasRoom(pools)) return undefined;\n',
        replace: '  let pools: readonly Pool[] = feature.pools;\n',
      },
      {
        file: `${ledger}/queue.ts`,
        find: 'const pool = firstWithSeats(state, pools, claim);',
        replace: 'const pool = firstWithSeats(state, pools, { ...claim, count: claim.count - 1 });',
      },
    ],
  },
  {
    name: 'seat-withheld',
    what: 'The last free seat of a pool is denied.',
    breaks: ['history', 'bug', 'progress'],
    focus: { faults: [], deeds: [] },
    patches: [
      {
        file: `${ledger}/pool-seats.ts`,
        find: 'return pool.count - pool.inUse;',
        replace: 'return pool.inUse === 0 ? pool.count : pool.count - pool.inUse - 1;',
      },
    ],
  },
  {
    name: 'seat-leaks',
    what: 'A grant of several seats gives back only one.',
    breaks: ['I2'],
    focus: { faults: [], deeds: [] },
    patches: [{ file: `${ledger}/seats.ts`, find: '    pool.inUse -= count;\n', replace: '    pool.inUse -= 1;\n' }],
  },
];
