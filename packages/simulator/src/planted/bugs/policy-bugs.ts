import type { Focus } from '../focus.ts';
import type { PlantedBug } from '../planted-bug.ts';

const ledger = 'packages/core/src/ledger';

const features = [
  { name: 'compare', version: '1.0', count: 3, leaseSeconds: 2 },
  { name: 'merge', version: '2.0', count: 2, overdraft: 2, leaseSeconds: 2 },
];

/** Much is waited for, and the administrator changes his mind. */
const busy: NonNullable<Focus['plan']> = {
  features,
  think: { minMs: 0, maxMs: 200 },
  hold: { minMs: 0, maxMs: 3_000 },
  waitMsMax: 10_000,
  grantsPerClient: 3,
  says: ['project', 'product', 'display'],
};

/** What a policy says, and the ledger does not do. */
export const policyBugs: readonly PlantedBug[] = [
  {
    name: 'limits-lost-with-snapshot',
    what: 'A server that was filled by a snapshot has not counted for the limits of the policy what is held.',
    breaks: ['policy', 'I9', 'bug'],
    focus: {
      faults: ['crash', 'diskLost'],
      everyMs: 1_500,
      deeds: ['policy'],
      plan: busy,
      raft: { snapshotEntries: 5, keepEntries: 0 },
    },
    patches: [
      {
        file: `${ledger}/snapshot-reader.ts`,
        find: '        linkGrant(state, grant);\n',
        replace:
          '        const { policy } = state;\n        state.policy = undefined;\n        linkGrant(state, grant);\n        state.policy = policy;\n',
      },
    ],
  },
  {
    name: 'exclude-ignored-in-queue',
    what: 'Who waits and is kept out by a new policy goes on waiting, and is served.',
    breaks: ['policy'],
    focus: { faults: [], deeds: ['policy'], plan: busy },
    patches: [
      {
        file: `${ledger}/policy-seats.ts`,
        find: 'return verdict !== undefined && (verdict.excludedBy ?? verdict.shutOutBy) !== undefined;',
        replace: 'return verdict === null;',
      },
    ],
  },
  {
    name: 'reservation-ignored',
    what: 'Seats that are reserved go to whoever asks for them.',
    breaks: ['policy'],
    focus: { faults: [], deeds: ['policy'], plan: busy },
    patches: [
      {
        file: `${ledger}/policy-seats.ts`,
        find: '  return kept === 0 ? 0 : kept - ownReserved(state, feature, claim);\n',
        replace: '  return kept - kept;\n',
      },
    ],
  },
  {
    name: 'waiting-not-counted',
    what: 'Queue places do not count for the limits of a policy, and are served beyond them.',
    breaks: ['policy'],
    focus: { faults: [], deeds: ['policy'], plan: busy },
    patches: [
      {
        file: `${ledger}/policy-seats.ts`,
        find: '  for (const { counted, subject } of verdict?.max ?? []) counted.tally.add(subject, entry.count, undefined);\n',
        replace: '',
      },
      {
        file: `${ledger}/policy-seats.ts`,
        find: '  for (const { counted, subject } of verdict?.max ?? []) counted.tally.remove(subject, entry.count, undefined);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'priority-not-sorted',
    what: 'A new policy with other priorities leaves the queue in the order that it has.',
    breaks: ['policy', 'I9'],
    focus: { faults: [], deeds: ['policy'], plan: busy },
    patches: [{ file: `${ledger}/policy-change.ts`, find: '    queue.sort(compareEntries);\n', replace: '' }],
  },
  {
    name: 'policy-widens',
    what: 'A limit of the overdraft is taken for seats that the policy gives.',
    breaks: ['policy'],
    focus: { faults: [], deeds: ['policy'], plan: busy },
    patches: [
      {
        file: `${ledger}/pool-terms.ts`,
        find: '  pool.overdraft = Math.min(\n',
        replace: '  pool.overdraft = Number.isFinite(pool.overdraftMax) ? pool.overdraftMax + 2 : Math.min(\n',
      },
    ],
  },
];
