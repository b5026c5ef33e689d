import { describe, expect, it } from 'vitest';
import { LedgerRig, secretHash } from './testing/ledger-rig.ts';

const rigOf = (count = 2) => new LedgerRig([{ name: 'compare', count }]);

describe('resume (I6)', () => {
  it('takes no seat and can not be refused for want of seats', () => {
    const rig = rigOf(1);
    const a = rig.client('a');
    const grant = a.take('compare');
    const resumed = a.resume('r1');
    expect(resumed).toMatchObject({ kind: 'resumed', epoch: 2, grants: [{ id: grant, state: 'active' }] });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1, free: 0 });
  });

  it('accepts a repeat that overtook or was lost, whatever epoch it knows', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    expect(a.resume('r1', 1, 1)).toMatchObject({ epoch: 2 });
    expect(a.resume('r1', 3, 1)).toMatchObject({ epoch: 3 });
    expect(a.resume('r1', 2, 1)).toMatchObject({ code: 'SUPERSEDED' });
    // The same copy, proposed twice: no connection is unbound by it.
    expect(a.resume('r1', 3, 1)).toMatchObject({ kind: 'resumed', epoch: 3 });
  });

  it('accepts any epoch that the last raise gave: a late repeat of its own does not lock the client out', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    expect(a.resume('r1', 1)).toMatchObject({ epoch: 2 });
    // Attempt 2 raises the epoch again, but its answer is lost: the client knows 2.
    expect(a.resume('r1', 2, 1)).toMatchObject({ epoch: 3 });
    expect(a.resume('r2', 1, 2)).toMatchObject({ kind: 'resumed', epoch: 4 });
  });

  it('accepts a client that has heard one answer to sequence 1 but not that to its repeat', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const command = a.checkoutCommand('compare');
    rig.run(command);
    rig.run({ ...command, attempt: 2 });
    expect(a.resume('r1', 1, 1)).toMatchObject({ kind: 'resumed', epoch: 3 });
  });

  it('refuses a copy of the client that was left behind', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    a.resume('mine', 1, 1);
    expect(a.resume('of-the-copy', 1, 1)).toMatchObject({ code: 'SUPERSEDED' });
    expect(a.resume('from-the-future', 1, 9)).toMatchObject({ code: 'SUPERSEDED' });
  });

  it('refuses a wrong secret', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    const wrong = { session: a.session, secretHash: secretHash('x'), epoch: 1, request: a.session, attempt: 1 };
    expect(rig.reply({ kind: 'resume', ...wrong })).toMatchObject({ code: 'REFUSED' });
    expect(rig.ledger.session(a.session)).toMatchObject({ epoch: 1 });
  });

  it('says why a session is not there any more, as long as it is remembered', () => {
    const rig = rigOf();
    const a = rig.client('a');
    a.take('compare');
    rig.run({ kind: 'reclaim', session: a.session, silentMs: 1e6 });
    expect(a.resume('r1')).toMatchObject({ code: 'ENDED', reason: 'reclaimed' });
    rig.atMs += rig.ledger.longestHoldMs();
    expect(a.resume('r1')).toMatchObject({ code: 'UNKNOWN_SESSION' });
  });
});

describe('ends that the client did not ask for', () => {
  const revoked = () => {
    const rig = rigOf();
    const a = rig.client('a');
    const grant = a.take('compare');
    // Its checkout is answered: only the end is left to be told.
    a.awaited = 2;
    a.take('compare');
    rig.run({ kind: 'revoke', grants: [grant], reason: 'maintenance' });
    rig.run({ kind: 'settle', grants: [grant] });
    return { rig, a, grant };
  };

  it('are told by each resume until one has been heard', () => {
    const { a, grant } = revoked();
    const ended = [{ grant, reason: 'revoked' }];
    expect(a.resume('r1')).toMatchObject({ ended });
    expect(a.resume('r1', 2)).toMatchObject({ ended });
    // A request with the new epoch shows that the answer arrived.
    a.checkout('unknown');
    expect(a.resume('r2')).toMatchObject({ ended: [] });
  });

  it('are not taken for heard where the resume was answered before they came', () => {
    const { rig, a, grant } = revoked();
    const other = rig.ledger.grantsOf(a.session)[0]!.id;
    a.resume('r1');
    rig.run({ kind: 'revoke', grants: [other], reason: 'maintenance' });
    rig.run({ kind: 'settle', grants: [other] });
    // Its checkout is not awaited any more either.
    a.awaited = 3;
    a.checkout('unknown');
    expect(a.resume('r2')).toMatchObject({ ended: [{ grant: other, reason: 'revoked' }] });
    expect(grant).not.toBe(other);
  });

  it('need not be told once they are acknowledged', () => {
    const { a, grant } = revoked();
    a.acknowledge(grant);
    expect(a.resume('r1')).toMatchObject({ ended: [] });
  });
});
