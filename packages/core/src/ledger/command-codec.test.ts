import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCommand, encodeCommand } from './command-codec.ts';
import { LedgerRig, openCommand } from './testing/ledger-rig.ts';

const rig = () => new LedgerRig([{ name: 'compare', count: 1 }]);
const bytesOf = (text: string) => new TextEncoder().encode(text);

describe('a command in the log', () => {
  it('comes back as it went', () => {
    const open = openCommand([{ name: 'compare', count: 1 }]);
    expect(decodeCommand(encodeCommand(open))).toEqual(open);
  });

  it('may have fields of later versions', () => {
    expect(decodeCommand(bytesOf('{"kind":"tick","at":5,"later":true}'))).toMatchObject({ kind: 'tick', at: 5 });
  });

  it.each([
    ['{"kind":"tick"}', 'at'],
    ['{"kind":"tick","at":-1}', 'at'],
    ['{"kind":"tick","at":1e300}', 'at'],
    ['{"kind":"settle","at":1,"grants":["g1",2]}', 'grants'],
    ['{"kind":"drain","at":1,"server":"s","on":1}', 'on'],
    ['{"kind":"disconnect","at":1,"session":"short","epoch":1}', 'session'],
    ['{"kind":"assign","at":1,"entry":"q1","epoch":1.5}', 'epoch'],
    ['{"kind":"return","at":1,"borrow":7}', 'borrow'],
    [`{"kind":"acceptBorrow","at":1,"borrow":"b12"}`, 'borrow'],
    [
      `{"kind":"acceptBorrow","at":1,"borrow":"${'b'.repeat(22)}","user":"u","host":"h","feature":"f","version":"1","count":0}`,
      'count',
    ],
  ])('%s names its bad field', (text, field) => {
    expect(() => decodeCommand(bytesOf(text))).toThrow(
      expect.objectContaining({ code: 'BAD_COMMAND', details: expect.objectContaining({ field }) }),
    );
  });

  it('must have names that can be written in UTF-8: a snapshot could not be restored', () => {
    const on = rig();
    const command = on.client('a').checkoutCommand('compare');
    const opening = { secretHash: '0'.repeat(64), user: '\ud800', host: 'h' };
    expect(on.reply({ ...command, opening })).toMatchObject({ kind: 'rejected', code: 'BAD_COMMAND' });
    expect(on.reply({ ...command, opening: { ...opening, user: '🙂' } })).toMatchObject({ kind: 'granted' });
  });
});

describe('garbage in the log', () => {
  const state = (on: LedgerRig) => [on.ledger.hash(), on.ledger.summary()];

  it('is rejected, whatever the bytes; nothing changes', () => {
    const on = rig();
    const before = state(on);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(on.ledger.apply(2, bytes).reply).toMatchObject({ kind: 'rejected', code: 'BAD_COMMAND' });
      }),
    );
    expect(state(on)).toEqual(before);
  });

  it('never throws, whatever the values', () => {
    const kinds = ['open', 'install', 'checkout', 'cancel', 'checkin', 'resume', 'goodbye', 'acknowledge', 'reclaim'];
    const others = [
      'assign',
      'settle',
      'disconnect',
      'revoke',
      'drain',
      'acceptTime',
      'raiseVersion',
      'borrow',
      'return',
      'acceptBorrow',
      'tick',
      'opened',
      '__proto__',
    ];
    const id = fc.constantFrom('a'.repeat(22), 'b'.repeat(22));
    const number = fc.oneof(fc.constantFrom(0, 1, 2, -0, 1e16, 0.5), fc.double());
    const value = fc.oneof(
      fc.jsonValue(),
      id,
      number,
      fc.constant('0'.repeat(64)),
      fc.array(fc.constantFrom('g1', 'g3', 'q2')),
    );
    const names = [
      'at',
      'session',
      'seq',
      'awaited',
      'attempt',
      'epoch',
      'feature',
      'version',
      'count',
      'waitMs',
      'grant',
      'grants',
    ];
    const more = [
      'checkoutSeq',
      'entry',
      'secretHash',
      'request',
      'silentMs',
      'reason',
      'server',
      'on',
      'ledgerVersion',
      'license',
      'borrow',
      'untilMs',
      'sinceMs',
      'user',
      'host',
    ];
    const fields = Object.fromEntries([...names, ...more].map((name) => [name, value]));
    const likely = fc.record({
      at: fc.nat(),
      session: id,
      seq: fc.constantFrom(1, 2, 3),
      awaited: fc.constant(1),
      attempt: fc.constant(1),
    });
    const opening = fc.record({ secretHash: fc.constant('0'.repeat(64)), user: fc.string(), host: fc.string() });
    const command = fc
      .tuple(
        fc.constantFrom(...kinds, ...others),
        fc.record(fields, { requiredKeys: [] }),
        fc.option(likely),
        fc.option(opening),
      )
      .map(([kind, some, usual, begins]) => ({
        ...some,
        ...usual,
        ...(begins === null ? {} : { opening: begins }),
        kind,
      }));
    const on = rig();
    fc.assert(
      fc.property(fc.array(command, { maxLength: 20 }), (commands) => {
        for (const one of commands) on.ledger.apply(2, bytesOf(JSON.stringify(one)));
      }),
    );
    expect(on.ledger.hash()).toMatch(/^[0-9a-f]{32}$/);
  });
});
