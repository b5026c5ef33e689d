import type { PlantedBug } from '../planted-bug.ts';

const core = 'packages/consensus/src/core';

/** What is committed, and what a round proves. */
export const replicationBugs: readonly PlantedBug[] = [
  {
    name: 'ack-before-sync',
    what: 'A stand-by acknowledges entries that its disk may not have yet.',
    breaks: ['I4', 'bug'],
    focus: { faults: ['crashInWrite', 'crash'], deeds: [] },
    patches: [
      {
        file: `${core}/replication.ts`,
        find: 'const match = Math.min(state.match, state.log.durableTo);',
        replace: 'const match = state.match;',
      },
    ],
  },
  {
    name: 'leader-counts-unsynced',
    what: 'A leader counts itself before its own sync.',
    breaks: ['I4', 'bug'],
    focus: { faults: ['crash'], deeds: [] },
    patches: [
      {
        file: `${core}/replication.ts`,
        find: 'quorumValue(raft, state.log.durableTo,',
        replace: 'quorumValue(raft, lastIndex(state.log),',
      },
    ],
  },
  {
    name: 'old-term-commit',
    what: 'An entry of an older term is committed by counting (Raft paper, 5.4.2).',
    breaks: ['I4', 'bug'],
    focus: { faults: ['crash', 'isolate', 'crashInWrite'], deeds: [] },
    patches: [
      {
        file: `${core}/replication.ts`,
        find: 'if (index > state.commit && index >= state.termStart) commitTo(state, index);',
        replace: 'if (index > state.commit) commitTo(state, index);',
      },
    ],
  },
  {
    name: 'conflict-kept',
    what: "A stand-by keeps entries that differ from its leader's.",
    // Entries that one server alone applies take license time along.
    breaks: ['I4', 'I7', 'I9', 'bug'],
    focus: { faults: ['isolate', 'pause'], deeds: [], lastsMs: [300, 2_500] },
    patches: [
      {
        file: `${core}/replication.ts`,
        find: 'if (termAt(state.log, entry.index) === entry.term) continue;',
        replace: 'if (entry.index > 0) continue;',
      },
    ],
  },
  {
    name: 'commit-beyond-match',
    what: 'A stand-by commits what its leader has committed, whether or not its own entries are those.',
    // Entries that one server alone applies take license time along.
    breaks: ['I4', 'I7', 'I9', 'bug'],
    focus: {
      // While a deposed leader is away with entries that nobody else has, control moves on once more: its log ends before the next probe.
      faults: ['isolate'],
      everyMs: 2_500,
      deeds: ['transfer'],
      lastsMs: [1_500, 2_500],
      plan: { latency: { minMs: 1, maxMs: 15 }, think: { minMs: 0, maxMs: 100 } },
      raft: { appendEntriesMax: 1, appendsInFlightMax: 1 },
    },
    patches: [
      {
        file: `${core}/rounds.ts`,
        find: 'commitTo(state, Math.min(message.commit, state.match));',
        replace: 'commitTo(state, Math.min(message.commit, state.log.baseIndex + state.log.entries.length));',
      },
      {
        file: `${core}/replication.ts`,
        find: 'commitTo(state, Math.min(message.commit, state.match));',
        replace: 'commitTo(state, Math.min(message.commit, lastIndex(state.log)));',
      },
    ],
  },
  {
    name: 'deposed-leader-heard',
    what: 'Entries of a leader whose term is over are taken.',
    breaks: ['I1', 'I4', 'bug'],
    focus: { faults: ['isolate', 'pause'], deeds: [], lastsMs: [300, 2_500] },
    patches: [
      {
        file: `${core}/roles.ts`,
        find: '  if (term < state.term) {\n    send(raft, from,',
        replace: '  if (term < state.term - 1_000) {\n    send(raft, from,',
      },
      {
        file: `${core}/roles.ts`,
        find: '  invariant(term > state.term || state.role',
        replace: "  if (state.role === 'leader') return false;\n  invariant(term > state.term || state.role",
      },
    ],
  },
  {
    name: 'round-begun-before',
    what: 'A heartbeat is confirmed by a round that began before it was received.',
    breaks: ['I1', 'I3', 'bug'],
    focus: { faults: ['isolate', 'pause'], deeds: [], lastsMs: [300, 2_500] },
    patches: [
      { file: `${core}/rounds.ts`, find: 'const round = state.round + 1;', replace: 'const round = state.round;' },
    ],
  },
  {
    name: 'read-from-deposed',
    what: 'A server that has been deposed and does not know it confirms reads by its own word.',
    breaks: ['I1', 'I3', 'bug'],
    focus: { faults: ['isolate', 'pause', 'island'], everyMs: 1_500, deeds: [], lastsMs: [500, 2_500] },
    patches: [
      {
        file: `${core}/rounds.ts`,
        find: 'const confirmed = quorumValue(raft, state.round, (progress) => progress.round);',
        replace: 'const confirmed = Math.max(state.round, quorumValue(raft, 0, () => 0));',
      },
    ],
  },
];
