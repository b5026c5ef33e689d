import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, decodeBase64url, encodeBase64, encodeBase64url } from './base64.ts';

describe('base64', () => {
  it('writes and reads what Buffer does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        expect(encodeBase64url(bytes)).toBe(buffer.toString('base64url'));
        expect(encodeBase64(bytes)).toBe(buffer.toString('base64'));
        expect(decodeBase64url(buffer.toString('base64url'))).toEqual(bytes);
        expect(decodeBase64(buffer.toString('base64'))).toEqual(bytes);
      }),
    );
  });

  it('accepts one spelling only: what it reads it would write so', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8, unit: fc.constantFrom(...'ABQgw_-+/=z0 ') }), (text) => {
        const url = decodeBase64url(text);
        if (url !== null) expect(encodeBase64url(url)).toBe(text);
        const plain = decodeBase64(text);
        if (plain !== null) expect(encodeBase64(plain)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses left-over bits, padding where there is none, and the other alphabet', () => {
    expect(decodeBase64url('AQ')).toEqual(Uint8Array.of(1));
    for (const text of ['AR', 'AQ=', 'AQ==', 'A', 'A+', 'A/', 'A ', 'AQ\n']) expect(decodeBase64url(text)).toBeNull();
    expect(decodeBase64('AQ==')).toEqual(Uint8Array.of(1));
    for (const text of ['AR==', 'AQ', 'AQ=', 'A_==', '====', 'A===']) expect(decodeBase64(text)).toBeNull();
  });
});
