import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PolicyDocument, PolicyRule } from '../policy/document.ts';
import { encodeCommand } from './command-codec.ts';
import type { LedgerCommand, SessionOpening, SessionRequest } from './commands.ts';
import { createLedger } from './create-ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import {
  anyHash,
  licenseText,
  openCommand,
  secretHash,
  sessionId,
  startMs,
  testSettings,
} from './testing/ledger-rig.ts';
import { type Key, keyOf, withoutId, withoutIds } from './testing/model-replies.ts';
import { borrowMarginMs } from './testing/model-terms.ts';
import { ReferenceModel } from './testing/reference-model.ts';

const dayMs = 86_400_000;
const instant = (ms: number) => new Date(startMs + ms).toISOString();

const features = [
  { name: 'a', version: '1.0', count: 2 },
  { name: 'a', version: '2.0', count: 1, overdraft: 1, leaseSeconds: 30 },
  {
    name: 'b',
    version: '1.0',
    count: 2,
    borrow: { longestSeconds: 3600, countMax: 3 },
    overdraft: 2,
    reclaim: 'disconnect',
    leaseSeconds: 20,
  },
  {
    name: 'c',
    version: '1.0',
    count: 2,
    expiresAt: instant(90_000),
    startsAt: instant(10_000),
    borrow: { longestSeconds: 3600, countMax: 1 },
  },
  {
    name: 'u',
    version: '1.0',
    count: 'uncounted',
    borrow: { longestSeconds: 3600, countMax: 2 },
    vendorData: 'modules=3d,print',
  },
  // In its days of grace from the 30th second on, over at the 120th.
  { name: 'g', version: '1.0', count: 2, expiresAt: instant(30_000 - dayMs), graceDays: 1 },
  { name: 's', version: '1.0', count: 1, supportedUntil: '2026-03-31' },
  // A higher version whose maintenance ended earlier: what suffices is not a pool and all above it.
  { name: 's', version: '2.0', count: 1, supportedUntil: '2025-12-31' },
  {
    name: 'h',
    version: '1.0',
    count: 2,
    overdraft: 1,
    sharedBy: ['host', 'display'],
    sharersMax: 2,
    lingerSeconds: 20,
  },
  {
    name: 'h',
    version: '2.0',
    count: 1,
    sharedBy: ['user', 'key'],
    minimumSeconds: 30,
    borrow: { longestSeconds: 60, countMax: 1 },
  },
  {
    name: 'l',
    version: '1.0',
    count: 2,
    borrow: { longestSeconds: 20, countMax: 2 },
    lingerSeconds: 4,
    minimumSeconds: 10,
    leaseSeconds: 20,
  },
] as const;
const licenses = [
  features,
  // Smaller, without `u`, and with another version of `a`.
  [
    { ...features[0], count: 1 },
    { ...features[1], version: '3.0' },
    features[2],
    features[3],
    { ...features[5], graceDays: 2 },
    { ...features[6], count: 2, supportedUntil: '2025-12-31' },
    features[7],
    { ...features[8], sharersMax: 3 },
    { ...features[9], expiresAt: instant(60_000) },
  ],
  // Larger, without `b`.
  [
    { ...features[0], count: 2, overdraft: 1 },
    features[1],
    { ...features[3], expiresAt: instant(150_000) },
    features[4],
    { ...features[6], supportedUntil: '2026-12-31' },
  ],
] as const;
/** More files, of which the last takes the place of the first. */
const more = [
  licenseText([{ ...features[0], count: 1, startsAt: instant(30_000), expiresAt: instant(70_000) }], { id: 'second' }),
  licenseText([{ ...features[3], overdraft: 1, startsAt: instant(120_000), expiresAt: instant(200_000) }], {
    id: 'third',
  }),
  licenseText([{ name: 'x', count: 1, lingerSeconds: 3 }], { id: 'fourth', supersedes: ['second'] }),
];
const rule = (line: number, feature: string, kind: PolicyRule['kind'], more: Partial<PolicyRule>): PolicyRule => ({
  line,
  feature,
  kind,
  ...more,
});
const groups = { d: ['user-0', 'user-1'], e: ['user-2'] };
const hostGroups = { farm: ['h'] };
const policies: readonly PolicyDocument[] = [
  { groups: {}, hostGroups: {}, rules: [] },
  {
    groups,
    hostGroups,
    rules: [
      rule(5, 'a', 'reserve', { by: 'group', name: 'e', count: 1 }),
      rule(6, 'a', 'max', { by: 'user', name: '*', count: 1 }),
      rule(7, 'a', 'max', { by: 'user', name: 'user-0', count: 2 }),
      rule(8, 'b', 'reserve', { by: 'user', name: 'user-1', count: 2 }),
      rule(9, 'b', 'reserve', { by: 'address', name: '10.1.0.0/16', count: 1 }),
      rule(10, 'b', 'overdraft', { count: 1 }),
      rule(11, 'c', 'exclude', { by: 'user', name: 'user-0' }),
      rule(12, 'h', 'max', { by: 'group', name: 'd', count: 1 }),
      rule(13, 'h', 'linger', { ms: 25_000 }),
      rule(14, 'l', 'priority', { by: 'project', name: 'bridge', count: 5 }),
      rule(15, 'l', 'max', { by: 'display', name: '*', count: 1 }),
      rule(16, '*', 'max', { by: 'hostGroup', name: 'farm', count: 3 }),
    ],
  },
  {
    groups,
    hostGroups,
    rules: [
      rule(5, 'a', 'include', { by: 'group', name: 'd' }),
      rule(6, 'a', 'include', { by: 'address', name: '192.168.0.0/24' }),
      rule(7, 'a', 'priority', { by: 'user', name: 'user-1', count: 1 }),
      rule(8, 'h', 'reserve', { by: 'product', name: 'cad', count: 1 }),
      rule(9, 'h', 'overdraft', { count: 0 }),
      rule(10, 's', 'linger', { ms: 6000 }),
      rule(11, '*', 'include', { by: 'user', name: '*' }),
      rule(12, '*', 'exclude', { by: 'address', name: '10.1.9.0/24' }),
      rule(13, '*', 'max', { by: 'address', name: '*', count: 2 }),
      rule(14, '*', 'priority', { by: 'user', name: 'user-2', count: 3 }),
    ],
  },
];
/** More find more: `LIC_MODEL_RUNS=2000`. */
const runs = Number(process.env.LIC_MODEL_RUNS ?? 100);
const names = ['p', 'q', 'r'];

/** What a random step wants; how it is read depends on what there is. */
const kindArbitrary = fc.oneof(
  { weight: 12, arbitrary: fc.constant('checkout' as const) },
  { weight: 5, arbitrary: fc.constantFrom('checkin' as const, 'assign' as const, 'resume' as const) },
  {
    weight: 3,
    arbitrary: fc.constantFrom('cancel' as const, 'acknowledge' as const, 'revoke' as const, 'settle' as const),
  },
  { weight: 2, arbitrary: fc.constantFrom('reclaim' as const, 'disconnect' as const, 'tick' as const) },
  { weight: 3, arbitrary: fc.constantFrom('borrow' as const, 'borrow' as const, 'return' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('goodbye' as const, 'install' as const, 'policy' as const, 'snapshot' as const),
  },
  // Opened more often than recovered, or most checkouts would meet closed doors.
  { weight: 1, arbitrary: fc.constantFrom('recover' as const, 'opened' as const, 'opened' as const) },
);
const stepOf = (feature: fc.Arbitrary<string>) =>
  fc.record({
    kind: kindArbitrary,
    who: fc.nat(names.length - 1),
    feature,
    version: fc.constantFrom(undefined, undefined, undefined, '1', '2.0', '4'),
    releasedAt: fc.constantFrom(undefined, '2025-12-31', '2026-01-01T00:00:00Z', '2026-03-31', '2026-04-01'),
    display: fc.constantFrom(undefined, ':0', ':0', ':1'),
    shareKey: fc.constantFrom(undefined, 'k'),
    address: fc.constantFrom(undefined, '10.1.2.3', '10.1.9.9', '192.168.0.1'),
    count: fc.constantFrom(1, 1, 1, 1, 2, 3),
    // More than the count is asked in vain.
    countMin: fc.constantFrom(undefined, undefined, 1, 1, 2),
    // Mostly one feature alone; the same twice is asked in vain, too.
    more: fc.oneof(
      { weight: 4, arbitrary: fc.constant<string[]>([]) },
      { weight: 1, arbitrary: fc.array(feature, { maxLength: 2 }) },
    ),
    as: fc.constantFrom(undefined, 'removed' as const, 'idle' as const),
    waitMs: fc.constantFrom(0, 5000, 60_000),
    pastQueue: fc.constantFrom(false, false, false, true),
    pick: fc.nat(20),
    // Most requests are in order and know the epoch; what the others are like says `oddity`.
    isProper: fc.constantFrom(true, true, true, false),
    oddity: fc.record({
      seq: fc.constantFrom('next', 'repeat', 'repeat', 'repeat', 'skip', 'first', 'first'),
      epoch: fc.constantFrom('current', 'current', 'current', 'current', 'older', 'zero', 'newer'),
      attempt: fc.integer({ min: 1, max: 3 }),
    }),
    awaits: fc.constantFrom('this', 'same', 'same', 'from1', 'beyond'),
    // License time mostly goes on; sometimes a stamp is older than the last.
    laterMs: fc.constantFrom(0, 0, 0, 0, 500, 500, 4000, 20_000, -3000),
    silentMs: fc.constantFrom(5000, 21_200, 21_200, 31_300, 31_300, 61_600),
  });
const stepArbitrary = stepOf(
  fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c', 'g', 'h', 'h', 'h', 'l', 'l', 's', 's', 'u', 'x'),
);
/** Seats that are shared and linger are few here, so that many wait for them. */
const sharingStepArbitrary = stepOf(fc.constantFrom('h', 'h', 'h', 'l'));
type Step = typeof stepArbitrary extends fc.Arbitrary<infer S> ? S : never;

/** Model, ledger and a second ledger that now and then is replaced by a restored snapshot of the first. */
class Trial {
  readonly model = new ReferenceModel(features, startMs);
  readonly ledger = createLedger({ verifyLicense: () => undefined });
  twin: Ledger = createLedger({ verifyLicense: () => undefined });
  readonly ids = new Map<Key, string>();
  readonly keys = new Map<string, Key>();
  readonly open = openCommand(features, { settings: { ...testSettings, borrowMarginMs } });
  /** Pools that a license, or the end of one file's period, made smaller than what is taken of them: I2's exception until it fits. */
  readonly shrunk = new Set<string>();
  /** What each pool had at the last look. */
  readonly seats = new Map<string, number>();
  atMs = startMs;
  index = 0;

  constructor() {
    const bytes = encodeCommand(this.open);
    this.ledger.apply(++this.index, bytes);
    this.twin.apply(this.index, bytes);
  }

  async step(step: Step): Promise<void> {
    if (step.kind === 'snapshot') {
      const copy = createLedger({ verifyLicense: () => undefined });
      await copy.restore(this.ledger.snapshot());
      this.twin = copy;
      expect(copy.hash()).toBe(this.ledger.hash());
      return;
    }
    this.atMs += step.laterMs;
    const command = this.#commandOf(step);
    const bytes = encodeCommand(this.#withIds(command));
    const before = this.ledger.summary().licenseTimeMs;
    const result = this.ledger.apply(++this.index, bytes);
    for (const event of result.events)
      if (event.kind === 'granted') this.#learn(event.grant.session, event.grant.checkoutSeq, event.grant.id);
    if (result.reply.kind === 'queued')
      this.#learn(result.reply.entry.session, result.reply.entry.checkoutSeq, result.reply.entry.id);

    expect(withoutIds(result.reply, (id) => this.keys.get(id)!)).toEqual(this.model.apply(command));
    // I9: a ledger that came by its state from a snapshot gives the same answer, events and hash.
    expect(this.twin.apply(this.index, bytes)).toEqual(result);
    expect(this.twin.hash()).toBe(this.ledger.hash());
    expect(this.twin.nextDeadlineMs()).toBe(this.ledger.nextDeadlineMs());
    expect(this.twin.assignable(() => true)).toEqual(this.ledger.assignable(() => true));
    expect(this.twin.summary()).toEqual(this.ledger.summary());
    // I7.
    expect(this.ledger.summary().licenseTimeMs).toBe(Math.max(before, this.atMs));
    this.#compareViews();
  }

  #compareViews(): void {
    const { ledger, model } = this;
    expect([...ledger.grants()].map((grant) => withoutId(grant, (id) => this.keys.get(id)!))).toEqual([
      ...model.held.map((grant) => model.view(grant)),
      ...model.lingering.map((one) => model.viewLingering(one)),
      ...model.borrowed.map((one) => model.viewBorrowed(one)),
    ]);
    expect([...ledger.endingGrants()].map(({ id }) => this.keys.get(id))).toEqual(
      model.held.filter(({ ending }) => ending !== null).map(({ key }) => key),
    );
    for (const name of ['a', 'b', 'c', 'g', 'h', 'l', 's', 'u', 'x'])
      expect([...ledger.queue(name)].map(({ session, checkoutSeq }) => keyOf(session, checkoutSeq))).toEqual(
        model
          .queue()
          .filter(({ feature }) => feature === name)
          .map(({ key }) => key),
      );
    expect([...ledger.sessionIds()].sort()).toEqual([...model.clients.keys()].sort());
    for (const pool of ledger.pools()) {
      const key = `${pool.feature} ${pool.version}`;
      expect(pool.inUse).toBe(model.inUse(key));
      const seats = pool.count === 'uncounted' ? Number.POSITIVE_INFINITY : pool.count + (pool.overdraft ?? 0);
      const fits = pool.inUse <= seats;
      if (fits) this.shrunk.delete(key);
      else if (seats < (this.seats.get(key) ?? 0)) this.shrunk.add(key);
      this.seats.set(key, seats);
      // I2.
      expect(fits || this.shrunk.has(key)).toBe(true);
    }
  }

  #commandOf(step: Step): LedgerCommand {
    const at = this.atMs;
    const session = sessionId(names[step.who]!);
    const client = this.model.clients.get(session);
    const held = this.model.held.map(({ key }) => key);
    const grants = held.filter((_, i) => i % 3 === step.pick % 3);
    const epoch = epochOf(step, client?.epoch ?? 0);
    const { attempt } = step.isProper ? { attempt: 1 } : step.oddity;
    switch (step.kind) {
      case 'checkout': {
        const { feature, version, releasedAt, display, shareKey, address, count, countMin, more, pastQueue } = step;
        // Several wait in no queue; now and then one asks all the same.
        const waitMs = more.length > 0 && step.pick > 2 ? 0 : step.waitMs;
        const request = this.#request(step);
        const opening = this.#opening(step);
        const wish = {
          feature,
          count,
          waitMs,
          pastQueue,
          ...(countMin === undefined ? {} : { countMin }),
          ...(more.length === 0
            ? {}
            : { more: more.map((name) => ({ feature: name, count, ...(countMin === 1 ? { countMin } : {}) })) }),
          ...(version === undefined ? {} : { version }),
          ...(releasedAt === undefined ? {} : { releasedAt }),
          ...(display === undefined ? {} : { display }),
          ...(shareKey === undefined ? {} : { shareKey }),
          ...(address === undefined ? {} : { address }),
        };
        return { kind: 'checkout', ...request, ...wish, ...(request.seq === 1 && step.pick !== 1 ? { opening } : {}) };
      }
      case 'checkin': {
        const own = this.model.held.filter((grant) => grant.session === session).map(({ key }) => key);
        const grant =
          step.pick % 4 === 0
            ? keyOf(session, 1 + (step.pick % 5))
            : (own[step.pick % (own.length || 1)] ?? held[0] ?? 'g7');
        return { kind: 'checkin', ...this.#request(step), grant };
      }
      case 'cancel': {
        const own = this.model.waiting.filter((entry) => entry.session === session);
        return { kind: 'cancel', ...this.#request(step), checkoutSeq: own[0]?.seq ?? 1 + (step.pick % 4) };
      }
      case 'acknowledge':
        return {
          kind: 'acknowledge',
          ...this.#request(step),
          grants: [...grants, keyOf(session, 1 + (step.pick % 5))],
        };
      case 'goodbye':
        return { kind: 'goodbye', ...this.#request(step) };
      case 'resume': {
        const last = client?.resume?.request ?? sessionId('r');
        const secret = secretHash(step.pick === 0 ? 'other' : session);
        return {
          kind: 'resume',
          at,
          session,
          secretHash: secret,
          epoch,
          request: !step.isProper && step.pick % 3 > 0 ? last : sessionId(`r${this.index}`),
          attempt,
        };
      }
      case 'assign': {
        const { waiting } = this.model;
        const entry = waiting[step.pick % (waiting.length || 1)];
        return {
          kind: 'assign',
          at,
          entry: entry?.key ?? 'q5',
          epoch: epochOf(step, this.model.clients.get(entry?.session ?? '')?.epoch ?? 0),
        };
      }
      case 'reclaim':
        return { kind: 'reclaim', at, session, silentMs: step.silentMs };
      case 'disconnect':
        return { kind: 'disconnect', at, session, epoch };
      case 'revoke':
        return {
          kind: 'revoke',
          at,
          grants,
          ...(step.as === undefined ? { reason: 'needed elsewhere' } : { reason: '', as: step.as }),
        };
      case 'settle':
        return { kind: 'settle', at, grants };
      case 'install': {
        const license = licenseText(licenses[step.pick % licenses.length]!);
        const others = more.slice(0, step.pick % 4);
        return { kind: 'install', at, license, others, licenseHash: anyHash };
      }
      case 'policy':
        // The model does not count borrowed seats for rules: borrow.test.ts does, so here it is one or the other.
        if (this.model.borrowed.length > 0) return { kind: 'tick', at };
        return { kind: 'policy', at, text: `policy ${step.pick}`, document: policies[step.pick % policies.length]! };
      case 'borrow': {
        if ((this.model.policy?.rules.length ?? 0) > 0) return { kind: 'tick', at };
        const { feature, version, releasedAt, count } = step;
        const request = this.#request(step);
        return {
          kind: 'borrow',
          ...request,
          ...(request.seq === 1 && step.pick !== 1 ? { opening: this.#opening(step) } : {}),
          borrow: sessionId(`borrow-${step.pick % 6}`),
          feature,
          count,
          ...(version === undefined ? {} : { version }),
          ...(releasedAt === undefined ? {} : { releasedAt }),
          untilMs: Math.max(0, at + step.silentMs - 10_000),
        };
      }
      case 'return':
        return { kind: 'return', at, borrow: sessionId(`borrow-${step.pick % 6}`) };
      case 'recover':
      case 'opened':
        return { kind: step.kind, at };
      default:
        return { kind: 'tick', at };
    }
  }

  #opening(step: Step): SessionOpening {
    return {
      secretHash: secretHash(step.pick === 0 ? 'other' : sessionId(names[step.who]!)),
      user: `user-${step.who}`,
      host: 'h',
      ...(step.who === 1 ? { project: 'bridge' } : { product: 'cad' }),
    };
  }

  #request(step: Step): SessionRequest {
    const session = sessionId(names[step.who]!);
    const client = this.model.clients.get(session) ?? { lastSeq: 0, epoch: 0, awaited: 1 };
    const { seq: which, epoch: oddEpoch, attempt } = step.isProper ? proper : step.oddity;
    const { lastSeq } = client;
    const seq = { next: lastSeq + 1, repeat: 1 + (step.pick % (lastSeq + 1)), skip: lastSeq + 2, first: 1 }[which];
    const same = Math.min(client.awaited, seq);
    const awaited = { this: seq, same, from1: 1, beyond: step.pick === 2 ? seq + 1 : seq }[step.awaits];
    const epoch = which === 'first' && oddEpoch === 'current' ? 0 : epochOf(step, client.epoch);
    return { session, seq, awaited, attempt, epoch, at: this.atMs };
  }

  #learn(session: string, seq: number, id: string): void {
    this.ids.set(keyOf(session, seq), id);
    this.keys.set(id, keyOf(session, seq));
  }

  /** What the ledger is told: the ids of what the model knows by key. A key of nothing becomes an id of nothing. */
  #withIds(command: LedgerCommand): LedgerCommand {
    const idOf = (key: string) => this.ids.get(key as Key) ?? 'g999999';
    if ('grants' in command) return { ...command, grants: command.grants.map(idOf) };
    if (command.kind === 'checkin') return { ...command, grant: idOf(command.grant) };
    return command.kind === 'assign' ? { ...command, entry: idOf(command.entry) } : command;
  }
}

const proper = { seq: 'next', epoch: 'current', attempt: 1 } as const;

function epochOf(step: Step, current: number): number {
  const { epoch } = step.isProper ? proper : step.oddity;
  return { current, older: Math.max(0, current - 1), zero: 0, newer: current + 1 }[epoch];
}

describe('the ledger against the rules written plainly', () => {
  it.each([
    ['any', stepArbitrary],
    ['shared and lingering', sharingStepArbitrary],
  ])(
    'gives the same replies, queues and state on every way there, with %s seats',
    {
      timeout: 30_000 + 1000 * runs,
    },
    async (_, steps) => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { maxLength: 120, size: 'max' }), async (life) => {
          const trial = new Trial();
          for (const step of life) await trial.step(step);
        }),
        { numRuns: runs },
      );
    },
  );
});
