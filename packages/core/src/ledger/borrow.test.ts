import { describe, expect, it } from 'vitest';
import { encodeCommand } from './command-codec.ts';
import { createLedger } from './create-ledger.ts';
import {
  type BorrowWish,
  LedgerRig,
  licenseText,
  sessionId,
  startMs,
  type TestFeature,
  testSettings,
} from './testing/ledger-rig.ts';

type Wish = BorrowWish & { readonly feature?: string; readonly host?: string };

const hourMs = 3_600_000;
const compare: TestFeature = {
  name: 'compare',
  count: 3,
  overdraft: 1,
  borrow: { longestSeconds: 7200, countMax: 2 },
};
/** A borrow for an hour by a client of this name, in a session of its own. */
const borrow = (rig: LedgerRig, name: string, { feature = 'compare', host = 'laptop', ...wish }: Wish = {}) =>
  rig
    .client(`${name}-${rig.index}`, { user: name, host })
    .borrow(feature, { borrow: sessionId(name), untilMs: startMs + hourMs, ...wish });
const giveBack = (borrow: string) => ({ kind: 'return' as const, borrow });

describe('borrowed seats', () => {
  it('stay taken until their end and the margin behind it, whoever is silent', () => {
    const rig = new LedgerRig([compare]);
    expect(borrow(rig, 'ann')).toMatchObject({
      kind: 'borrowed',
      borrow: { state: 'borrowed', session: '', count: 1, untilMs: startMs + hourMs },
    });
    expect(rig.ledger.nextDeadlineMs()).toBe(startMs + hourMs + 600_000);
    rig.atMs += hourMs + 599_999;
    rig.run({ kind: 'tick' });
    expect(rig.pool('compare')?.inUse).toBe(1);
    rig.atMs += 1;
    expect(rig.run({ kind: 'tick' }).events).toMatchObject([{ kind: 'borrowEnded', reason: 'expired' }]);
    expect(rig.pool('compare')?.inUse).toBe(0);
    expect(rig.ledger.nextDeadlineMs()).toBeNull();
  });

  it('are taken once, however often the same borrow is asked for', () => {
    const rig = new LedgerRig([compare]);
    const first = borrow(rig, 'ann');
    rig.atMs += 1000;
    expect(borrow(rig, 'ann')).toEqual(first);
    expect(rig.pool('compare')?.inUse).toBe(1);
    expect(borrow(rig, 'ann', { host: 'other' })).toMatchObject({ kind: 'refused', code: 'REFUSED' });
  });

  it('are free at once when they are returned, and who waits gets them', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, borrow: compare.borrow! }]);
    borrow(rig, 'ann');
    rig.client('bob').checkout('compare', { waitMs: 5000 });
    expect(rig.ledger.assignable(() => true)).toEqual([]);
    expect(rig.reply(giveBack(sessionId('ann')))).toEqual({ kind: 'ok' });
    expect(rig.ledger.assignable(() => true)).toHaveLength(1);
    expect(rig.reply(giveBack(sessionId('ann')))).toEqual({ kind: 'ok' });
    expect(borrow(rig, 'cem')).toMatchObject({ denial: { code: 'NO_SEATS' } });
  });

  it('can be returned by an administrator, by the id in reports', () => {
    const rig = new LedgerRig([compare]);
    borrow(rig, 'ann');
    const [shown] = [...rig.ledger.grants()];
    expect(JSON.stringify(shown)).not.toContain(sessionId('ann'));
    rig.run(giveBack(shown!.id));
    expect(rig.pool('compare')?.inUse).toBe(0);
  });

  it('are denied where the license does not lend, not so long or not so many, and never come from the overdraft', () => {
    const rig = new LedgerRig([compare, { name: 'merge', count: 1 }]);
    const codeOf = (changes: Wish, name = 'ann') => {
      const reply = borrow(rig, name, changes);
      return reply.kind === 'denied' ? reply.denial.code : reply.kind;
    };
    expect(codeOf({ feature: 'merge' })).toBe('BORROW_NOT_LICENSED');
    expect(codeOf({ feature: 'gone' })).toBe('UNKNOWN_FEATURE');
    expect(codeOf({ untilMs: startMs + 2 * hourMs + 1 })).toBe('BORROW_TOO_LONG');
    expect(codeOf({ untilMs: startMs })).toBe('INVALID_REQUEST');
    expect(codeOf({ count: 3 })).toBe('BORROW_LIMIT');
    rig.client('a').take('compare', { count: 3 });
    expect(codeOf({})).toBe('NO_SEATS');
  });

  it('end with the license at the latest, and outlive the removal of their pool as other seats do', () => {
    const endMs = startMs + hourMs / 2;
    const rig = new LedgerRig([
      { ...compare, expiresAt: new Date(endMs).toISOString() },
      { name: 'x', count: 1 },
    ]);
    expect(borrow(rig, 'ann')).toMatchObject({ borrow: { untilMs: endMs } });
    rig.run({ kind: 'install', license: licenseText([{ name: 'x', count: 1 }]), licenseHash: '1'.repeat(64) });
    expect(rig.pool('compare')).toMatchObject({ count: 0, inUse: 1 });
    rig.atMs = endMs + 600_000;
    rig.run({ kind: 'tick' });
    expect(rig.pool('compare')).toBeUndefined();
  });

  it('obey the policy: its limits, and who may have the feature at all', () => {
    const rig = new LedgerRig([{ ...compare, count: 10, borrow: { longestSeconds: 7200, countMax: 10 } }]);
    const rule = { feature: 'compare', kind: 'borrow' as const };
    const rules = [
      { ...rule, line: 2, borrow: { longestMs: hourMs, countMax: 2, keep: 8 } },
      { line: 3, feature: 'compare', kind: 'exclude' as const, by: 'user' as const, name: 'eve' },
      { line: 4, feature: 'compare', kind: 'max' as const, by: 'user' as const, name: 'ann', count: 1 },
    ];
    rig.run({ kind: 'policy', text: 'policy: 1', document: { groups: {}, hostGroups: {}, rules } });
    const denied = (code: string, line: number) => ({
      denial: { code, rule: { source: 'policy', where: `line ${line}` } },
    });
    expect(borrow(rig, 'bob', { untilMs: startMs + hourMs + 1 })).toMatchObject(denied('BORROW_TOO_LONG', 2));
    expect(borrow(rig, 'bob', { count: 3 })).toMatchObject(denied('BORROW_LIMIT', 2));
    expect(borrow(rig, 'eve')).toMatchObject(denied('EXCLUDED', 3));
    expect(borrow(rig, 'ann')).toMatchObject({ kind: 'borrowed' });
    expect(borrow(rig, 'ann', { borrow: sessionId('ann-2') })).toMatchObject(denied('MAX_REACHED', 4));
    rig.client('held').take('compare');
    // Eight would be left with one more seat taken, seven with a borrow.
    expect(borrow(rig, 'bob')).toMatchObject(denied('BORROW_LIMIT', 2));
    rig.run(giveBack(sessionId('ann')));
    expect(borrow(rig, 'ann', { borrow: sessionId('ann-2') })).toMatchObject({ kind: 'borrowed' });
  });

  it('are asked for once: a denial stays one, and what was given back is not taken again by a late copy', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, borrow: compare.borrow! }]);
    const ann = rig.client('ann');
    const taken = rig.client('bob').take('compare');
    const denied = ann.borrow('compare', { borrow: sessionId('one') });
    expect(denied).toMatchObject({ denial: { code: 'NO_SEATS' } });
    const bob = rig.ledger.grant(taken)!;
    rig.run({ kind: 'revoke', grants: [bob.id], reason: '' });
    rig.run({ kind: 'settle', grants: [bob.id] });
    expect(ann.borrow('compare', { borrow: sessionId('one') }, 1)).toMatchObject({ denial: { code: 'NO_SEATS' } });
    const first = ann.borrow('compare', { borrow: sessionId('two') });
    expect(ann.borrow('compare', { borrow: sessionId('two') }, 2)).toEqual(first);
    rig.run(giveBack(sessionId('two')));
    // The same session's copy, another session's, and one that was still on its way when the borrow was given back.
    expect(ann.borrow('compare', { borrow: sessionId('two') }, 2)).toMatchObject({ kind: 'refused', code: 'ENDED' });
    expect(borrow(rig, 'two', { host: 'x' })).toMatchObject({ kind: 'refused', code: 'REFUSED' });
    rig.run(giveBack(sessionId('never')));
    expect(borrow(rig, 'never')).toMatchObject({ kind: 'refused', code: 'REFUSED' });
    expect(rig.pool('compare')?.inUse).toBe(0);
  });

  it('count for rules of the policy as held seats do, by whatever names their holder', async () => {
    const rig = new LedgerRig([{ ...compare, count: 10, borrow: { longestSeconds: 7200, countMax: 10 } }]);
    const max = { feature: 'compare', kind: 'max' as const, count: 2 };
    const rules = [
      { ...max, line: 2, by: 'project' as const, name: 'bridge' },
      { ...max, line: 3, by: 'address' as const, name: '10.0.0.0/8' },
      { ...max, line: 4, by: 'display' as const, name: ':0' },
    ];
    const policy = { kind: 'policy' as const, text: 'policy: 1', document: { groups: {}, hostGroups: {}, rules } };
    const ask = (name: string, who: object, wish: BorrowWish) =>
      rig.client(`${name}-${rig.index}`, { user: name, host: 'laptop', ...who }).borrow('compare', wish);
    const ends = { untilMs: startMs + hourMs };
    // Before there is a policy, which counts them all the same.
    ask('ann', { project: 'bridge' }, { ...ends, count: 2, borrow: sessionId('bridge') });
    rig.run(policy);
    ask('bob', {}, { ...ends, count: 2, address: '10.1.2.3' });
    ask('cem', {}, { ...ends, count: 2, display: ':0' });
    const denied = (line: number) => ({ denial: { code: 'MAX_REACHED', rule: { where: `line ${line}` } } });
    await rig.ledger.restore(rig.ledger.snapshot());
    expect(ask('dee', { project: 'bridge' }, ends)).toMatchObject(denied(2));
    expect(ask('dee', {}, { ...ends, address: '10.9.9.9' })).toMatchObject(denied(3));
    expect(ask('dee', {}, { ...ends, display: ':0' })).toMatchObject(denied(4));
    expect(rig.client('eve', { project: 'bridge' }).checkout('compare')).toMatchObject(denied(2));
    rig.run(giveBack(sessionId('bridge')));
    expect(ask('dee', { project: 'bridge' }, ends)).toMatchObject({ kind: 'borrowed' });
  });

  it('that a recovery lost are taken over, though seats are missing, until they are over', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, borrow: compare.borrow! }]);
    const lost = {
      kind: 'acceptBorrow' as const,
      borrow: sessionId('lost'),
      user: 'ann',
      host: 'laptop',
      feature: 'compare',
      version: '1.0',
      count: 1,
      sinceMs: startMs,
      untilMs: startMs + hourMs,
    };
    expect(rig.reply(lost)).toMatchObject({ kind: 'rejected', code: 'BORROW_NOT_LOST' });
    rig.client('bob').take('compare');
    rig.atMs += 1000;
    rig.run({ kind: 'recover' });
    expect(rig.reply({ ...lost, feature: 'gone' })).toMatchObject({ code: 'UNKNOWN_FEATURE' });
    expect([rig.reply(lost), rig.reply(lost)]).toEqual([{ kind: 'ok' }, { kind: 'ok' }]);
    expect(rig.reply({ ...lost, host: 'other' })).toMatchObject({ code: 'BORROW_ID_IN_USE' });
    expect(rig.pool('compare')).toMatchObject({ count: 1, inUse: 2, free: 0 });
    expect(rig.ledger.borrow(sessionId('lost'))).toMatchObject({
      state: 'borrowed',
      user: 'ann',
      untilMs: startMs + hourMs,
    });
    expect(rig.ledger.borrow('b999')).toBeUndefined();
    // A copy of what was shown that comes after the return takes seats for nobody.
    rig.run(giveBack(sessionId('lost')));
    expect(rig.reply(lost)).toMatchObject({ kind: 'rejected', code: 'BORROW_RETURNED' });
    expect(rig.pool('compare')?.inUse).toBe(1);
    rig.atMs = startMs + hourMs + 600_000;
    expect(rig.reply({ ...lost, borrow: sessionId('over') })).toEqual({ kind: 'ok' });
    expect(rig.pool('compare')?.inUse).toBe(1);
  });

  it('come behind those who wait, unless the server in control says that the queue may be passed', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, borrow: compare.borrow! }]);
    const held = rig.client('bob').take('compare');
    rig.client('cem').checkout('compare', { waitMs: 60_000 });
    rig.run({ kind: 'revoke', grants: [held], reason: '' });
    rig.run({ kind: 'settle', grants: [held] });
    expect(borrow(rig, 'dee')).toMatchObject({ denial: { code: 'NO_SEATS', queued: 1 } });
    expect(borrow(rig, 'eve', { pastQueue: true })).toMatchObject({ kind: 'borrowed' });
  });

  it('are named among the holders in a denial, with the moment at which their seats are sure to come free', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, borrow: compare.borrow! }]);
    borrow(rig, 'ann');
    expect(rig.client('bob').checkout('compare')).toMatchObject({
      denial: {
        code: 'NO_SEATS',
        holders: [{ user: 'ann', host: 'laptop', count: 1, sinceMs: startMs }],
        earliestMs: startMs + hourMs + 600_000,
      },
    });
  });

  it('may be given back under the id of a session without servers differing about its end', async () => {
    const rig = new LedgerRig([compare]);
    const ann = rig.client('ann');
    ann.take('compare');
    rig.run(giveBack(ann.session));
    rig.atMs += 30_000;
    rig.run({ kind: 'reclaim', session: ann.session, silentMs: hourMs });
    // What was given back is forgotten by now, the session is not.
    rig.atMs += 40_000;
    rig.run({ kind: 'tick' });
    const restored = createLedger({ verifyLicense: () => undefined });
    await restored.restore(rig.ledger.snapshot());
    const late = encodeCommand({ kind: 'checkin', ...ann.envelope(), grant: 'g1', at: rig.atMs });
    const reply = rig.ledger.apply(rig.index + 1, late);
    expect(reply).toMatchObject({ reply: { kind: 'refused', code: 'ENDED', reason: 'reclaimed' } });
    expect(restored.apply(rig.index + 1, late)).toEqual(reply);
  });

  it('survive a snapshot, and are rejected where a server may not know them', async () => {
    const rig = new LedgerRig([compare], { settings: { ...testSettings, borrowMarginMs: 5000 } });
    borrow(rig, 'ann');
    const [before, hash, deadlineMs] = [[...rig.ledger.grants()], rig.ledger.hash(), rig.ledger.nextDeadlineMs()];
    await rig.ledger.restore(rig.ledger.snapshot());
    expect([...rig.ledger.grants()]).toEqual(before);
    expect([rig.ledger.hash(), rig.ledger.nextDeadlineMs()]).toEqual([hash, deadlineMs]);
    expect(deadlineMs).toBe(startMs + hourMs + 5000);
    const old = new LedgerRig([{ name: 'compare', count: 1 }], { ledgerVersion: 2 });
    expect(borrow(old, 'ann')).toMatchObject({ kind: 'rejected', code: 'LEDGER_VERSION' });
    expect(old.reply(giveBack(sessionId('ann')))).toMatchObject({ kind: 'rejected', code: 'LEDGER_VERSION' });
  });
});
