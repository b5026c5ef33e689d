import { describe, expect, it } from 'vitest';
import { ledgerLimits } from './limits.ts';
import { LedgerRig } from './testing/ledger-rig.ts';

const rigOf = (count: number | 'uncounted' = 'uncounted') => new LedgerRig([{ name: 'compare', count }]);

describe('limits', () => {
  it('one client has so many grants and queue places, and no more', () => {
    const rig = rigOf();
    const a = rig.client('a');
    for (let i = 0; i < ledgerLimits.grantsPerSessionMax; i++) a.take('compare');
    expect(a.checkout('compare')).toMatchObject({ kind: 'denied', denial: { code: 'TOO_MANY_GRANTS' } });
    a.checkin(rig.ledger.grantsOf(a.session)[0]!.id);
    a.take('compare');
  });

  it('one queue has so many places, and no more', () => {
    const rig = rigOf(1);
    rig.client('holder').take('compare');
    const [a, b] = [rig.client('a'), rig.client('b')];
    for (let i = 0; i < ledgerLimits.queuePerFeatureMax; i++) {
      const client = i % 2 === 0 ? a : b;
      expect(client.checkout('compare', { waitMs: 60_000 }).kind).toBe('queued');
    }
    const denial = { code: 'QUEUE_FULL', queued: ledgerLimits.queuePerFeatureMax };
    expect(b.checkout('compare', { waitMs: 60_000 })).toMatchObject({ kind: 'denied', denial });
  });

  it('one session has so many results remembered: the oldest is refused, and not run again', () => {
    const rig = rigOf();
    const a = rig.client('a');
    const grant = a.take('compare');
    for (let i = 0; i < ledgerLimits.resultsPerSessionMax; i++) a.checkout('unknown');
    expect(a.checkout('unknown', {}, 2)).toMatchObject({ kind: 'denied' });
    a.checkout('unknown');
    expect(a.checkout('compare', {}, 2)).toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('remembered'),
    });
    // What stands is no result to be dropped.
    expect(a.checkout('compare', {}, 1)).toMatchObject({ kind: 'granted', grant: { id: grant } });
  });

  it('so many ended sessions are remembered: the oldest is forgotten first', () => {
    const rig = rigOf();
    const clients = Array.from({ length: ledgerLimits.endedSessionsMax + 1 }, (_, i) => rig.client(`c${i}`));
    for (const client of clients) {
      client.checkout('unknown');
      client.goodbye();
    }
    expect(clients[0]!.resume('r')).toMatchObject({ code: 'UNKNOWN_SESSION' });
    expect(clients[1]!.resume('r')).toMatchObject({ code: 'ENDED' });
  });

  it('one command names so many grants, one name has so many characters', () => {
    const rig = rigOf();
    const grants = Array.from({ length: ledgerLimits.grantsPerCommandMax + 1 }, (_, i) => `g${i}`);
    expect(rig.reply({ kind: 'settle', grants })).toMatchObject({ kind: 'rejected', code: 'BAD_COMMAND' });
    expect(rig.reply({ kind: 'settle', grants: grants.slice(1) })).toEqual({ kind: 'ok' });
    const command = rig.client('a').checkoutCommand('x'.repeat(ledgerLimits.nameCharsMax + 1));
    expect(rig.reply(command)).toMatchObject({ code: 'BAD_COMMAND' });
    const note = 'x'.repeat(ledgerLimits.noteCharsMax + 1);
    expect(rig.reply({ kind: 'revoke', grants: ['g1'], reason: note })).toMatchObject({ code: 'BAD_COMMAND' });
  });

  it('a checkout waits at most a day', () => {
    const rig = rigOf(1);
    rig.client('holder').take('compare');
    const a = rig.client('a');
    expect(a.checkout('compare', { waitMs: ledgerLimits.waitMsMax + 1 })).toMatchObject({
      denial: { code: 'INVALID_REQUEST' },
    });
    expect(a.checkout('compare', { waitMs: ledgerLimits.waitMsMax })).toMatchObject({ kind: 'queued' });
  });
});
