/** A change of one source file: `find` stands in it exactly once. */
export interface SourcePatch {
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A bug that real systems had, put into the sources while they are bundled. The product itself has no hook for it. */
export interface PlantedBug {
  readonly name: string;
  /** What is broken, in one sentence. */
  readonly what: string;
  readonly patches: readonly SourcePatch[];
  /** A seed that finds it, for the quick test; `npm run sim -- --planted-bugs` searches from seed 1. */
  readonly seed: number;
}

const core = 'packages/consensus/src/core';
const ledger = 'packages/core/src/ledger';
const sessions = 'packages/server-app/src/sessions';

/** What the simulator must find. Where a source changed so that a patch does not fit any more, the patch is to follow. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'vote-before-persisted',
    what: 'A vote is answered before it is on disk.',
    patches: [
      {
        file: `${core}/election.ts`,
        find: '  endUrgency(state);\n  sendAfterWrite(raft, from, reply);',
        replace: '  endUrgency(state);\n  send(raft, from, reply);',
      },
    ],
    seed: 1,
  },
  {
    name: 'ack-before-sync',
    what: 'A stand-by acknowledges entries that its disk may not have yet.',
    patches: [
      {
        file: `${core}/replication.ts`,
        find: 'const match = Math.min(state.match, state.log.durableTo);',
        replace: 'const match = state.match;',
      },
    ],
    seed: 1,
  },
  {
    name: 'leader-counts-unsynced',
    what: 'A leader counts itself before its own sync.',
    patches: [
      {
        file: `${core}/replication.ts`,
        find: 'quorumValue(raft, state.log.durableTo,',
        replace: 'quorumValue(raft, lastIndex(state.log),',
      },
    ],
    seed: 1,
  },
  {
    name: 'old-term-commit',
    what: 'An entry of an older term is committed by counting (Raft paper, 5.4.2).',
    patches: [
      {
        file: `${core}/replication.ts`,
        find: 'if (index > state.commit && index >= state.termStart) commitTo(state, index);',
        replace: 'if (index > state.commit) commitTo(state, index);',
      },
    ],
    seed: 1,
  },
  {
    name: 'log-not-compared',
    what: 'A vote is given to a server whose log is behind.',
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
    seed: 1,
  },
  {
    name: 'heartbeat-without-round',
    what: "A heartbeat is answered without a quorum's word.",
    patches: [
      {
        file: `${sessions}/term-desk.ts`,
        find: 'await this.#parts.consensus.readBarrier();',
        replace: '',
      },
    ],
    seed: 1,
  },
  {
    name: 'round-begun-before',
    what: 'A heartbeat is confirmed by a round that began before it was received.',
    patches: [
      {
        file: `${core}/rounds.ts`,
        find: 'const round = state.round + 1;',
        replace: 'const round = state.round;',
      },
    ],
    seed: 1,
  },
  {
    name: 'answered-while-reclaimed',
    what: "A session's heartbeat is answered although its reclaim is under way.",
    patches: [{ file: `${sessions}/holds.ts`, find: '    this.#parts.onReclaiming(session);\n', replace: '' }],
    seed: 1,
  },
  {
    name: 'holds-not-restarted',
    what: 'A new server in control does not start the holds afresh.',
    patches: [
      {
        file: `${sessions}/holds.ts`,
        find: 'this.#startedMs = clock.now();',
        replace: 'this.#startedMs = clock.now() - ledger.longestHoldMs();',
      },
    ],
    seed: 1,
  },
  {
    name: 'resume-takes-a-seat',
    what: 'A resume takes another seat.',
    patches: [
      {
        file: `${ledger}/resume.ts`,
        find: '  session.epoch++;',
        replace: '  session.epoch++;\n  for (const grant of grantsOf(session)) grant.pool.inUse++;',
      },
    ],
    seed: 1,
  },
  {
    name: 'epoch-not-raised',
    what: 'A resume does not raise the epoch.',
    patches: [{ file: `${ledger}/resume.ts`, find: '  session.epoch++;', replace: '' }],
    seed: 1,
  },
  {
    name: 'repeat-runs-again',
    what: 'A repeated request is run a second time.',
    patches: [
      {
        file: `${ledger}/session-requests.ts`,
        find: 'if (request.seq <= session.lastSeq) return repeat(state, session, request);',
        replace: 'if (request.seq < session.lastSeq) return repeat(state, session, request);',
      },
    ],
    seed: 1,
  },
  {
    name: 'snapshot-forgets',
    what: 'A server that was filled by a snapshot does not find its sessions.',
    patches: [
      {
        file: `${ledger}/snapshot-reader.ts`,
        find: '        state.sessionsById.set(session.id, session);\n',
        replace: '',
      },
    ],
    seed: 1,
  },
];
