import type { PlantedBug } from '../planted-bug.ts';

const sessions = 'packages/server-app/src/sessions';

/** What the server in control does for clients, and what a client does with its answers. */
export const sessionBugs: readonly PlantedBug[] = [
  {
    name: 'heartbeat-without-round',
    what: "A heartbeat is answered without a quorum's word.",
    breaks: ['I3'],
    focus: {
      faults: ['island'],
      everyMs: 4_000,
      deeds: [],
      plan: {
        features: [
          { name: 'compare', version: '1.0', count: 4, leaseSeconds: 1 },
          { name: 'merge', version: '2.0', count: 4, leaseSeconds: 1 },
        ],
        timing: { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 },
        settings: { leaseMs: 2_000, drift: 0.01, marginMs: 50, allowShortLeases: true, borrowMarginMs: 1_000 },
        hold: { minMs: 3_000, maxMs: 20_000 },
        waitMsMax: 0,
      },
    },
    patches: [{ file: `${sessions}/term-desk.ts`, find: 'await this.#parts.consensus.readBarrier();', replace: '' }],
  },
  {
    name: 'answered-while-reclaimed',
    what: "A session's heartbeat is answered although its reclaim is under way.",
    breaks: ['I3'],
    focus: {
      faults: ['clientPause'],
      everyMs: 400,
      deeds: [],
      plan: {
        timing: { roundMs: 50, electionTimeoutMinMs: 250, electionTimeoutMaxMs: 500 },
        hold: { minMs: 3_000, maxMs: 20_000 },
        sync: { minMs: 20, maxMs: 60 },
        latency: { minMs: 0.1, maxMs: 0.5 },
      },
    },
    patches: [{ file: `${sessions}/holds.ts`, find: '    this.#parts.onReclaiming(session);\n', replace: '' }],
  },
  {
    name: 'holds-not-restarted',
    what: 'A new server in control does not start the holds afresh.',
    breaks: ['I3'],
    focus: {
      faults: ['crash', 'isolate'],
      everyMs: 2_500,
      deeds: ['transfer'],
      plan: { hold: { minMs: 3_000, maxMs: 20_000 } },
    },
    patches: [
      {
        file: `${sessions}/holds.ts`,
        find: 'this.#startedMs = clock.now();',
        replace: 'this.#startedMs = clock.now() - ledger.longestHoldMs();',
      },
    ],
  },
  {
    name: 'heard-not-noted',
    what: "A session's silence is counted from its beginning, whatever was heard of it since.",
    breaks: ['I3'],
    focus: { faults: [], deeds: [], plan: { hold: { minMs: 3_000, maxMs: 20_000 } } },
    patches: [
      { file: `${sessions}/holds.ts`, find: '    else watch.heardMs = this.#parts.clock.now();\n', replace: '' },
    ],
  },
  {
    name: 'ending-settled-early',
    what: 'A revoked grant is settled after half of its hold.',
    breaks: ['I3'],
    focus: {
      faults: ['cutClient'],
      everyMs: 500,
      deeds: ['revoke'],
      lastsMs: [500, 3_000],
      plan: { hold: { minMs: 3_000, maxMs: 20_000 } },
    },
    patches: [
      {
        file: `${sessions}/holds.ts`,
        find: 'this.#parts.clock.now() + holdMs);',
        replace: 'this.#parts.clock.now() + holdMs / 8);',
      },
    ],
  },
  {
    name: 'checkin-answered-early',
    what: 'A checkin is answered before it is committed.',
    breaks: ['I4', 'history'],
    focus: { faults: [], deeds: [] },
    patches: [
      {
        file: `${sessions}/term-desk.ts`,
        find: '    this.#holds.heard(message.session);\n    const result = await this.#proposeRequest(link',
        replace:
          "    this.#holds.heard(message.session);\n    if (message.t === 'checkin')\n      link.send(replyMessage({ id: message.id, seq: message.seq }, { kind: 'done', epoch: message.epoch }));\n    const result = await this.#proposeRequest(link",
      },
    ],
  },
  {
    name: 'queue-to-unbound',
    what: 'A freed seat is handed to a session in the queue that is bound nowhere.',
    breaks: ['queue'],
    focus: { faults: ['crash', 'isolate', 'cutClient'], deeds: [], plan: { waitMsMax: 10_000 } },
    patches: [
      {
        file: `${sessions}/queue-keeper.ts`,
        find: 'ledger.assignable((session) => bindings.has(session))',
        replace: 'ledger.assignable(() => true)',
      },
      {
        file: `${sessions}/queue-keeper.ts`,
        find: 'const { propose, bindings, logger, runtime } = this.#parts;',
        replace: 'const { propose, ledger, logger, runtime } = this.#parts;',
      },
      {
        file: `${sessions}/queue-keeper.ts`,
        find: 'epoch: bindings.get(entry.session)?.epoch ?? 0',
        replace: 'epoch: ledger.session(entry.session)?.epoch ?? 0',
      },
    ],
  },
  {
    name: 'head-not-awaited',
    what: 'In a new term a queue is served at once, past a head that has had no time to resume.',
    breaks: ['queue'],
    focus: {
      faults: ['crash', 'clientPause', 'cutClient'],
      everyMs: 500,
      deeds: ['transfer'],
      plan: {
        waitMsMax: 10_000,
        grantsPerClient: 3,
        think: { minMs: 0, maxMs: 200 },
        hold: { minMs: 0, maxMs: 3_000 },
      },
    },
    patches: [
      { file: `${sessions}/queue-keeper.ts`, find: '#isHeadAwaited = true;', replace: '#isHeadAwaited = false;' },
    ],
  },
  {
    name: 'time-leaps',
    what: 'License time follows a leap of all clocks at once.',
    breaks: ['I7'],
    focus: { faults: ['clockLeap'], everyMs: 3_000, deeds: [] },
    patches: [
      {
        file: 'packages/server-app/src/clock/license-time.ts',
        find: 'const isPending = leapMs > clockRules.leapMs;',
        replace: 'const isPending = leapMs > 10_000 * clockRules.leapMs;',
      },
    ],
  },
  {
    name: 'lease-from-receipt',
    what: "A client's lease counts from the answer to its heartbeat, not from the sending.",
    breaks: ['I3'],
    focus: {
      faults: ['cutClient'],
      everyMs: 600,
      deeds: [],
      lastsMs: [1_200, 2_500],
      plan: {
        features: [
          { name: 'compare', version: '1.0', count: 4, leaseSeconds: 1 },
          { name: 'merge', version: '2.0', count: 4, leaseSeconds: 1 },
        ],
        timing: { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 },
        settings: { leaseMs: 2_000, drift: 0.01, marginMs: 50, allowShortLeases: true, borrowMarginMs: 1_000 },
        hold: { minMs: 3_000, maxMs: 20_000 },
        latency: { minMs: 20, maxMs: 80 },
      },
    },
    patches: [
      {
        file: 'packages/client/src/logic/session.ts',
        find: 'this.holdings.confirm(sentMs, clocks);',
        replace: 'this.holdings.confirm(clocks.monotonicMs, clocks);',
      },
    ],
  },
];
