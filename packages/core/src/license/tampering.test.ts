import { isLicError } from '@lic/interfaces';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { canonicalize } from './canonicalize.ts';
import { parseLicense } from './parse-license.ts';
import { sampleLicense, sampleTerms, sampleVendor } from './sample-license.test.data.ts';
import { verifyLicense } from './sign-license.ts';

// Thousands of signatures are verified here: on a machine with other work to do that takes its time.
vi.setConfig({ testTimeout: 60_000 });

// One server, so that there are fewer positions; every field that may be there is.
const [server] = sampleTerms().servers;
const text = await sampleLicense({ servers: [{ ...server!, hostId: 'machine:0123' }] });
const bytes = new TextEncoder().encode(text);
const canonical = canonicalize(parseLicense(text));

/** The canonical form of what is accepted, or the code of the refusal. */
const outcome = async (file: string | Uint8Array): Promise<string> => {
  try {
    return canonicalize(await verifyLicense(file, sampleVendor.publicKey));
  } catch (error) {
    if (!isLicError(error)) throw error;
    return error.code;
  }
};

const refusals = new Set(['LICENSE_INVALID', 'LICENSE_SIGNATURE']);

describe('a license in which a byte was tampered with', () => {
  const isWhiteSpace = (byte: number | undefined): boolean =>
    byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

  it.each([
    ['with its lowest bit flipped', (byte: number) => byte ^ 1],
    ['with its case bit flipped', (byte: number) => byte ^ 0x20],
    ['with its highest bit flipped', (byte: number) => byte ^ 0x80],
    ['replaced by a digit', (byte: number) => (byte === 0x39 ? 0x38 : 0x39)],
    ['replaced by a letter', (byte: number) => (byte === 0x41 ? 0x42 : 0x41)],
    ['replaced by a space', () => 0x20],
    ['replaced by a line break', () => 0x0a],
    ['replaced by a double quote', () => 0x22],
    ['replaced by zero', () => 0],
  ])('is refused at every position, %s, unless only white space changed', async (_, change) => {
    let accepted = 0;
    for (const [i, byte] of bytes.entries()) {
      const changed = change(byte);
      if (changed === byte) continue;
      const result = await outcome(bytes.with(i, changed));
      if (refusals.has(result)) continue;
      accepted += 1;
      expect({ i, result }).toEqual({ i, result: canonical });
      expect([isWhiteSpace(byte), isWhiteSpace(changed)]).toEqual([true, true]);
    }
    // Where spaces take the place of line breaks and the other way round, and nowhere else.
    expect(accepted > 0).toBe(change(0x0a) === 0x20 || change(0x20) === 0x0a);
  });

  it('is refused with a byte taken out or put in at every position, unless only white space changed', async () => {
    for (const i of bytes.keys()) {
      const without = Uint8Array.of(...bytes.subarray(0, i), ...bytes.subarray(i + 1));
      const result = await outcome(without);
      if (!refusals.has(result)) expect([result, isWhiteSpace(bytes[i])]).toEqual([canonical, true]);
      const twice = Uint8Array.of(...bytes.subarray(0, i), bytes[i] ?? 0, ...bytes.subarray(i));
      const resultOfTwice = await outcome(twice);
      if (!refusals.has(resultOfTwice)) expect([resultOfTwice, isWhiteSpace(bytes[i])]).toEqual([canonical, true]);
    }
  });

  it('means the same or is refused, whatever several edits make of it', async () => {
    const unit = fc.constantFrom(...'{}[]:,"\\/ \n\r\t\u00a0\u200b019aAé😀\0');
    const edit = fc.record({
      at: fc.nat(text.length),
      removed: fc.nat(3),
      added: fc.string({ maxLength: 3, unit }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        let edited = text;
        for (const { at, removed, added } of edits) edited = edited.slice(0, at) + added + edited.slice(at + removed);
        const result = await outcome(edited);
        if (!refusals.has(result)) expect(result).toBe(canonical);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused cut short at every length', async () => {
    for (let length = 0; length < text.trimEnd().length; length += 1) {
      expect(await outcome(text.slice(0, length))).toBe('LICENSE_INVALID');
    }
  });
});

describe('a license that a mail program has been at', () => {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^\s"]+?(?=[\s",:\]}])|[{}[\],:]/g) ?? [];

  it.each<[string, (file: string) => string]>([
    ['CRLF line ends', (file) => file.replaceAll('\n', '\r\n')],
    ['CR line ends', (file) => file.replaceAll('\n', '\r')],
    ['no line break at the end', (file) => file.trimEnd()],
    ['many line breaks at the end', (file) => `${file}\r\n\r\n\n`],
    ['empty lines in front', (file) => `\r\n \n${file}`],
    ['spaces at the ends of lines', (file) => file.replaceAll('\n', '  \n')],
    ['no indentation', (file) => file.replace(/^ +/gm, '')],
    ['tabs for indentation', (file) => file.replace(/^ +/gm, (spaces) => '\t'.repeat(spaces.length / 2))],
    ['deeper indentation', (file) => file.replace(/^/gm, '        ')],
    ['no-break spaces for indentation', (file) => file.replace(/^ +/gm, (spaces) => '\u00a0'.repeat(spaces.length))],
    ['everything in one line', (file) => JSON.stringify(JSON.parse(file))],
    ['double line spacing', (file) => file.replaceAll('\n', '\n\n')],
    ['a byte order mark', (file) => `\ufeff${file}`],
  ])('holds with %s', async (_, transform) => {
    const changed = transform(text);
    expect(changed).not.toBe(text);
    expect(await outcome(changed)).toBe(canonical);
    expect(await outcome(new TextEncoder().encode(changed))).toBe(canonical);
  });

  it('holds with any white space between any two tokens', async () => {
    expect(JSON.parse(tokens.join(''))).toEqual(JSON.parse(text));
    const space = fc.string({ maxLength: 4, unit: fc.constantFrom(' ', '\t', '\n', '\r', '\r\n', '\u00a0', '\u200b') });
    const length = tokens.length + 1;
    await fc.assert(
      fc.asyncProperty(fc.array(space, { minLength: length, maxLength: length }), async (spaces) => {
        const changed = spaces.map((white, i) => white + (tokens[i] ?? '')).join('');
        expect(await outcome(changed)).toBe(canonical);
      }),
      { numRuns: 50 },
    );
  });

  it('is refused with a line wrapped inside a text, and says what to do', () => {
    const wrapped = text.replace('Example GmbH', 'Example\n  GmbH');
    expect(() => parseLicense(wrapped)).toThrow(
      /licensee: not valid JSON at line 5, column 23: .*where a mail program has wrapped the line, join it to the next/,
    );
  });
});
