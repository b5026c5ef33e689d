import { isLicError, type LicError } from '@lic/interfaces';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeClientMessage, decodeServerMessage, encodeClientMessage, encodeServerMessage } from './codec.ts';
import { protocolLimits } from './limits.ts';

const session = 'A'.repeat(22);
const checkout = {
  t: 'checkout' as const,
  id: 3,
  session,
  seq: 2,
  awaited: 1,
  attempt: 1,
  epoch: 1,
  feature: 'compare',
  count: 2,
};

function failureOf(read: () => unknown): LicError {
  try {
    read();
  } catch (error) {
    if (isLicError(error)) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('the codec', () => {
  test('gives what was sent', () => {
    expect(decodeClientMessage(encodeClientMessage(checkout))).toEqual(checkout);
    const done = { t: 'done' as const, id: 3, seq: 2, epoch: 1 };
    expect(decodeServerMessage(encodeServerMessage(done))).toEqual(done);
  });

  test.each([
    ['not JSON', '{', '', undefined],
    ['no object', '17', '', undefined],
    ['an unknown message', '{"t":"nonsense","id":4}', 't', 4],
    ['a field out of bounds', JSON.stringify({ ...checkout, count: 0 }), 'count', 3],
    ['a field too long', JSON.stringify({ ...checkout, feature: 'x'.repeat(129) }), 'feature', 3],
    [
      'a nested field',
      JSON.stringify({ ...checkout, opening: { secret: 'x', user: 'u', host: 'h' } }),
      'opening.secret',
      3,
    ],
    ['an unknown field', JSON.stringify({ ...checkout, colour: 'red' }), '', 3],
    ['an id that is none', JSON.stringify({ ...checkout, id: 0.5 }), 'id', undefined],
    ['__proto__', '{"t":"status","id":1,"__proto__":{"token":"x"}}', '', 1],
  ])('names what is wrong with %s', (_, text, path, id) => {
    const failure = failureOf(() => decodeClientMessage(text));
    expect(failure.code).toBe('BAD_MESSAGE');
    expect(failure.details).toMatchObject({ path });
    expect(failure.details.id).toBe(id);
    expect(failure.message.length).toBeLessThan(500);
  });

  test('looks at the size before it parses, in bytes', () => {
    const { messageBytesMax, answerBytesMax } = protocolLimits;
    expect(failureOf(() => decodeClientMessage('x'.repeat(messageBytesMax + 1))).details).toMatchObject({
      limit: messageBytesMax,
    });
    // Fewer characters than the limit has bytes, yet more bytes.
    expect(failureOf(() => decodeServerMessage('€'.repeat(answerBytesMax / 2))).details).toMatchObject({
      limit: answerBytesMax,
    });
    const most = messageBytesMax - JSON.stringify({ t: 'status', id: 1 }).length;
    expect(decodeClientMessage(`${' '.repeat(most)}{"t":"status","id":1}`)).toEqual({ t: 'status', id: 1 });
  });

  test('ignores what a newer server adds, at every depth', () => {
    const text =
      '{"t":"heartbeatAnswer","number":1,"epoch":1,"leaseMs":5,"mood":"good","ending":[{"grant":"g1","reason":"revoked","colour":1}]}';
    expect(decodeServerMessage(text)).toEqual({
      t: 'heartbeatAnswer',
      number: 1,
      epoch: 1,
      leaseMs: 5,
      ending: [{ grant: 'g1', reason: 'revoked' }],
    });
  });

  test('a hello may say more than this version knows', () => {
    const hello = { t: 'hello', protocol: { min: 1, max: 9 }, nonce: 'A'.repeat(43), agent: 'x' };
    expect(decodeClientMessage(JSON.stringify({ ...hello, colour: 'red' }))).toEqual(hello);
  });

  test('never throws anything but BAD_MESSAGE', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.dictionary(fc.constantFrom('t', 'id', 'seq', 'session'), fc.jsonValue()).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, (frame) => {
        for (const read of [decodeClientMessage, decodeServerMessage]) {
          try {
            read(frame);
          } catch (error) {
            if (!isLicError(error, 'BAD_MESSAGE')) throw error;
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
