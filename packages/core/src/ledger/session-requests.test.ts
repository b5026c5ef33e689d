import { describe, expect, it } from 'vitest';
import { LedgerRig } from './testing/ledger-rig.ts';

const rigOf = (count = 2) => new LedgerRig([{ name: 'compare', count }]);

describe('exactly once (I5)', () => {
  it('answers a repeat by the same grant and takes nothing more', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const first = a.checkout('compare');
    const repeat = a.checkout('compare', {}, 1);
    expect(repeat).toEqual(first);
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
  });

  it('answers a repeat of what has ended by ENDED with the reason, never by the old grant', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    const grant = a.take('compare');
    a.checkin(grant);
    expect(a.checkout('compare', {}, 2)).toMatchObject({ kind: 'refused', code: 'ENDED', reason: 'checkedIn' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
  });

  it('answers a repeat of a revoked checkout by ENDED although its seats still count', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const grant = a.take('compare');
    rig.run({ kind: 'revoke', grants: [grant], reason: 'maintenance' });
    expect(a.checkout('compare', {}, 1)).toMatchObject({ kind: 'refused', code: 'ENDED', reason: 'revoked' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
  });

  it('answers a repeat of a denied request by the same denial, though seats are free meanwhile', () => {
    const rig = rigOf(1);
    const [a, b] = [rig.client('a'), rig.client('b')];
    const grant = a.take('compare');
    const denied = b.checkout('compare');
    expect(denied).toMatchObject({ kind: 'denied', denial: { code: 'NO_SEATS' } });
    a.checkin(grant);
    expect(b.checkout('compare', {}, 1)).toEqual(denied);
    expect(b.checkout('compare')).toMatchObject({ kind: 'granted' });
  });

  it('answers a repeat of a waiting checkout by its place as it is now', () => {
    const rig = rigOf(1);
    const [a, b, c] = [rig.client('a'), rig.client('b'), rig.client('c')];
    a.take('compare');
    b.checkout('compare', { waitMs: 5000 });
    expect(c.checkout('compare', { waitMs: 5000 })).toMatchObject({ kind: 'queued', entry: { position: 2 } });
    b.cancel(1);
    expect(c.checkout('compare', { waitMs: 5000 }, 1)).toMatchObject({ kind: 'queued', entry: { position: 1 } });
    expect(rig.ledger.summary().queued).toBe(1);
  });

  it('runs a repeated checkin, acknowledge and goodbye once', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const grant = a.take('compare');
    expect(a.checkin(grant)).toEqual({ kind: 'done', epoch: 1 });
    expect(a.checkin(grant, 2)).toEqual({ kind: 'done', epoch: 1 });
    expect(a.goodbye()).toEqual({ kind: 'done', epoch: 1 });
    expect(a.goodbye(3)).toEqual({ kind: 'done', epoch: 0 });
  });

  it('runs sequence numbers in order only, and none twice', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    const skipping = rig.reply({ ...a.checkoutCommand('compare'), seq: 3 });
    expect(skipping).toMatchObject({ kind: 'refused', code: 'REFUSED', message: expect.stringContaining('next is 2') });
    expect(rig.ledger.summary().grants).toBe(1);
  });

  it('drops results that are awaited no longer: their repeats are refused', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    a.awaited = 2;
    a.take('compare');
    expect(rig.reply({ ...a.checkoutCommand('compare', {}, 1), epoch: 1 })).toMatchObject({ code: 'REFUSED' });
    const beyond = rig.reply({ ...a.checkoutCommand('compare'), awaited: 4 });
    expect(beyond).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('awaited') });
  });

  it('drops them up to there and no further, however far the client goes at once', () => {
    const rig = rigOf(9);
    const a = rig.client('a');
    for (let i = 1; i <= 6; i++) a.take('compare');
    const denied = a.checkout('unknown');
    a.awaited = 7;
    a.take('compare');
    expect(a.checkout('unknown', {}, 7)).toEqual(denied);
  });

  it('remembers that a request was refused', () => {
    const rig = rigOf();
    const [a, b] = [rig.client('a'), rig.client('b')];
    a.take('compare');
    const foreign = b.take('compare');
    const refusal = a.checkin(foreign);
    expect(refusal).toMatchObject({ kind: 'refused', code: 'REFUSED' });
    expect(a.checkin(foreign, 2)).toEqual(refusal);
    expect(rig.ledger.grant(foreign)).toBeDefined();
  });
});

describe("a session's first request", () => {
  it('begins it at epoch 1, also where the checkout is denied', () => {
    const rig = rigOf();
    const result = rig.run(rig.client('a').checkoutCommand('unknown'));
    expect(result.reply).toMatchObject({ kind: 'denied', epoch: 1, denial: { code: 'UNKNOWN_FEATURE' } });
    expect(result.events).toEqual([{ kind: 'sessionBegan', session: rig.client('a').session }]);
  });

  it('raises the epoch when it is repeated, since it may come on another connection', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const command = a.checkoutCommand('compare');
    expect(rig.reply(command)).toMatchObject({ epoch: 1 });
    expect(rig.reply({ ...command, attempt: 3 })).toMatchObject({ kind: 'granted', epoch: 2 });
    expect(rig.reply({ ...command, attempt: 2 })).toMatchObject({ code: 'SUPERSEDED' });
    // The same copy proposed twice.
    expect(rig.reply({ ...command, attempt: 3 })).toMatchObject({ kind: 'granted', epoch: 2 });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
  });

  it('raises it no more once the client has been heard with an epoch: a late copy unbinds nobody', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const command = a.checkoutCommand('compare');
    rig.run(command);
    a.epoch = 1;
    a.take('compare');
    expect(rig.reply({ ...command, attempt: 2 })).toMatchObject({ code: 'SUPERSEDED' });
    expect(a.checkout('unknown')).toMatchObject({ kind: 'denied', epoch: 1 });
  });

  it('needs the secret, and an opening', () => {
    const rig = rigOf();
    const command = rig.client('a').checkoutCommand('compare');
    const { opening, ...bare } = command as typeof command & { opening: object };
    expect(rig.reply(bare)).toMatchObject({ code: 'REFUSED', message: expect.stringContaining('opening') });
    rig.run({ ...command, opening });
    const other = { ...opening, secretHash: 'f'.repeat(64) } as never;
    expect(rig.reply({ ...command, attempt: 2, opening: other })).toMatchObject({ code: 'REFUSED' });
  });

  it('is the only one that an unknown session can have', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const first = a.checkoutCommand('compare');
    const second = a.checkoutCommand('compare');
    expect(rig.reply({ ...second, epoch: 1 })).toMatchObject({ code: 'UNKNOWN_SESSION' });
    // Who knows an epoch was heard before: the session has ended and was forgotten, and must not begin again.
    expect(rig.reply({ ...first, epoch: 1 })).toMatchObject({ code: 'UNKNOWN_SESSION' });
    expect(rig.ledger.summary().sessions).toBe(0);
  });

  it('is answered ENDED for one longest hold after the session ended, then unknown', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const first = a.checkoutCommand('compare');
    rig.run(first);
    a.epoch = 1;
    a.goodbye();
    rig.atMs += rig.ledger.longestHoldMs() - 1;
    expect(rig.reply({ ...first, attempt: 2 })).toMatchObject({ code: 'ENDED', reason: 'sessionEnded' });
    expect(a.checkin('g1')).toMatchObject({ code: 'ENDED' });
    rig.atMs += 1;
    expect(a.checkin('g1')).toMatchObject({ code: 'UNKNOWN_SESSION' });
  });
});

describe('epochs (I6)', () => {
  it('refuses a connection with an older one, and runs nothing of it', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const grant = a.take('compare');
    a.resume('r1');
    expect(rig.reply({ kind: 'checkin', ...a.envelope(), epoch: 1, grant })).toMatchObject({ code: 'SUPERSEDED' });
    expect(rig.ledger.grant(grant)).toBeDefined();
  });
});

describe('checkin', () => {
  it('of an ended grant is done: what it wants is so', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const grant = a.take('compare');
    rig.run({ kind: 'revoke', grants: [grant], reason: 'x' });
    rig.run({ kind: 'settle', grants: [grant] });
    expect(a.checkin(grant)).toMatchObject({ kind: 'done' });
  });

  it('of a grant that never was, or is spelt otherwise, is refused', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const grant = a.take('compare');
    for (const id of ['g0', `g0${grant.slice(1)}`, grant.slice(1), `q${grant.slice(1)}`, 'g99', 'g1e3', 'g-1', ''])
      expect(a.checkin(id)).toMatchObject({ code: 'REFUSED' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
  });
});

describe('cancel', () => {
  it('gives the place back, and the checkout can not come to life again', () => {
    const rig = rigOf(1);
    const [a, b] = [rig.client('a'), rig.client('b')];
    const grant = a.take('compare');
    b.checkout('compare', { waitMs: 5000 });
    expect(b.cancel(1)).toMatchObject({ kind: 'done' });
    expect(b.cancel(1, 2)).toMatchObject({ kind: 'done' });
    a.checkin(grant);
    expect(b.checkout('compare', { waitMs: 5000 }, 1)).toMatchObject({ code: 'REFUSED' });
    expect(rig.ledger.summary()).toMatchObject({ grants: 0, queued: 0 });
  });

  it('says so where the seat was granted meanwhile, also when repeated', () => {
    const rig = rigOf(1);
    const [a, b] = [rig.client('a'), rig.client('b')];
    const grant = a.take('compare');
    const queued = b.checkout('compare', { waitMs: 5000 });
    a.checkin(grant);
    rig.run({ kind: 'assign', entry: queued.kind === 'queued' ? queued.entry.id : '', epoch: 1 });
    const answer = b.cancel(1);
    expect(answer).toMatchObject({ kind: 'granted', grant: { checkoutSeq: 1 } });
    expect(b.cancel(1, 2)).toEqual(answer);
  });

  it('names an earlier checkout', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    expect(a.cancel(2)).toMatchObject({ code: 'REFUSED' });
  });
});
