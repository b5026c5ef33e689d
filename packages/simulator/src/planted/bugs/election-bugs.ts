import type { PlantedBug } from '../planted-bug.ts';

const core = 'packages/consensus/src/core';

/** Who leads, who votes, and with what memory. */
export const electionBugs: readonly PlantedBug[] = [
  {
    name: 'vote-before-persisted',
    what: 'A vote is answered before it is on disk.',
    breaks: ['I1', 'I4', 'bug'],
    focus: { faults: ['crash', 'isolate'], deeds: [] },
    patches: [
      {
        file: `${core}/election.ts`,
        find: '  endUrgency(state);\n  sendAfterWrite(raft, from, reply);',
        replace: '  endUrgency(state);\n  send(raft, from, reply);',
      },
    ],
  },
  {
    name: 'own-vote-before-persisted',
    what: 'A candidate counts its own vote, and asks for others, before it is on disk.',
    breaks: ['I1', 'I4', 'bug'],
    focus: { faults: ['crash', 'isolate'], deeds: [] },
    patches: [
      {
        file: `${core}/election.ts`,
        find: "    sendAfterWrite(raft, id, {\n      type: 'vote',",
        replace: "    send(raft, id, {\n      type: 'vote',",
      },
      {
        file: `${core}/election.ts`,
        find: 'state.saved.term !== state.term || state.saved.votedFor !== config.self.id',
        replace: 'state.votedFor !== config.self.id',
      },
    ],
  },
  {
    name: 'log-not-compared',
    what: 'A vote is given to a server whose log is behind.',
    breaks: ['I4', 'bug'],
    focus: { faults: ['isolate', 'crash', 'pause'], deeds: [], lastsMs: [600, 2_500] },
    patches: [
      {
        file: `${core}/election.ts`,
        find: '(state.votedFor === from || (state.votedFor === null && state.leader === null)) &&\n    isUpToDate(state.log, message);',
        replace: '(state.votedFor === from || (state.votedFor === null && state.leader === null));',
      },
      {
        file: `${core}/election.ts`,
        find: 'message.term > state.term &&\n    isUpToDate(state.log, message);',
        replace: 'message.term > state.term;',
      },
    ],
  },
  {
    name: 'control-before-own-entry',
    what: 'A leader takes control before its first entry is committed and everything before it applied.',
    breaks: ['I1', 'I4', 'I9', 'bug'],
    focus: { faults: ['crash', 'isolate'], deeds: [] },
    patches: [
      {
        file: `${core}/leadership.ts`,
        find: 'state.controlTerm === 0 && state.applied >= state.termStart)',
        replace: 'state.controlTerm === 0)',
      },
    ],
  },
  {
    name: 'no-check-quorum',
    what: 'A leader that hears nobody any more believes for ever that it leads.',
    breaks: ['I1', 'bug'],
    focus: { faults: ['isolate'], everyMs: 8_000, deeds: [], lastsMs: [5_000, 7_000] },
    patches: [
      { file: `${core}/leadership.ts`, find: '  if (!hasQuorum(raft)) {', replace: '  if (hasQuorum === null) {' },
    ],
  },
  {
    name: 'amnesiac-votes',
    what: 'A server whose disk was emptied keeps its vote: its incarnation is not looked at.',
    breaks: ['I1', 'I4', 'I8', 'bug'],
    focus: { faults: ['diskLost'], everyMs: 2_000, deeds: [] },
    patches: [
      {
        file: `${core}/membership.ts`,
        find: 'return member.voter && member.incarnation === incarnation && incarnation !== absentIncarnation;',
        replace: 'return member.voter && incarnation !== absentIncarnation;',
      },
    ],
  },
  {
    name: 'rolled-back-votes',
    what: 'A server whose disk was set back to an older copy is not recognised by what its peers know of it.',
    breaks: ['I1', 'I4', 'I8', 'bug'],
    focus: { faults: ['diskRolledBack', 'isolate'], everyMs: 1_500, deeds: [], lastsMs: [20, 400] },
    patches: [
      {
        file: `${core}/witness.ts`,
        find: 'if (known.id !== config.self.id ||',
        replace: "if (known.id !== '' ||",
      },
    ],
  },
];
