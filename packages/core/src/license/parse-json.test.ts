import { isLicError } from '@lic/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from './parse-json.ts';

const limits = { textBytesMax: 10_000, depthMax: 8 };

const refusal = (text: string | Uint8Array): Record<string, unknown> => {
  try {
    return { accepted: parseJson(text, limits) };
  } catch (error) {
    if (!isLicError(error, 'JSON_INVALID')) throw error;
    return error.details;
  }
};

describe('parseJson', () => {
  it('reads what JSON.stringify writes, in any indentation', () => {
    const acceptable = (key: string, value: unknown): unknown => {
      if (key === '__proto__') return undefined;
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? 0 : value;
    };
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 1, 2, '\t', '    '), (value, indentation) => {
        const text = JSON.stringify(JSON.parse(JSON.stringify(value), acceptable), null, indentation);
        expect(parseJson(text, { textBytesMax: 1e6, depthMax: 20 })).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it('accepts nothing that JSON.parse refuses, and means the same by it', () => {
    const sound = '{"a":[1,-0.5e+3,"x\\u00e9\\n",true],"b":{"c":null,"d":[]},"e":12}';
    const edits = fc.array(
      fc.tuple(fc.nat(sound.length), fc.nat(2), fc.constantFrom(...'{}[],:"\\/0123.eE+-tfnu\r\n x')),
      {
        maxLength: 4,
      },
    );
    let accepted = 0;
    fc.assert(
      fc.property(edits, (changes) => {
        let text = sound;
        for (const [at, removed, added] of changes) text = text.slice(0, at) + added + text.slice(at + removed);
        const result = refusal(text);
        if (!('accepted' in result)) return;
        accepted += 1;
        expect(JSON.parse(text)).toEqual(result.accepted);
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['an empty text', '', { line: 1, column: 1, path: '', expected: 'a value', got: 'the end of the text' }],
    ['a word', '{"a": yes}', { line: 1, column: 7, path: 'a', expected: 'a value', got: 'yes' }],
    ['a comment', '{\n  // count\n}', { line: 2, column: 3, expected: 'a key in double quotes', got: '"/"' }],
    ['a trailing comma', '{"a":[1,\n 2,\n]}', { line: 3, column: 1, path: 'a[2]', expected: 'a value', got: '"]"' }],
    ['a trailing comma in an object', '{"a":1,}', { column: 8, expected: 'a key in double quotes', got: '"}"' }],
    ['a missing comma', '{"a":[{"b":1} {"c":2}]}', { column: 15, path: 'a', expected: '"," or "]"', got: '"{"' }],
    ['a missing colon', '{"a" 1}', { column: 6, path: 'a', expected: '":" behind the key', got: '1' }],
    ['a missing brace', '{"a":1', { column: 7, expected: '"," or "}"', got: 'the end of the text' }],
    ['single quotes', "{'a':1}", { column: 2, expected: 'a key in double quotes', got: '"\'"' }],
    ['something behind', '{"a":1}\r\n{}', { line: 2, column: 1, expected: 'the end of the text', got: '"{"' }],
    ['an open string', '{"a":"b', { column: 8, path: 'a', expected: 'a closing double quote' }],
    ['a wrapped string', '{"a":"b\r\nc"}', { line: 1, column: 8, expected: expect.stringContaining('mail program') }],
    ['a tab in a string', '["b\tc"]', { column: 4, path: '[0]', expected: 'no control character within a string' }],
    ['an unknown escape', '["\\x"]', { column: 3, expected: 'one of " \\ / b f n r t u behind "\\"' }],
    ['a short escape', '["\\u12g4"]', { column: 3, expected: 'four hexadecimal digits behind "\\u"' }],
    ['half a surrogate pair', '["\\ud83d"]', { column: 2, expected: 'no half of a surrogate pair', got: '"\\ud83d"' }],
    ['a leading zero', '[012]', { column: 2, expected: 'a number as JSON writes it' }],
    ['a leading plus', '[+1]', { column: 2, expected: 'a value', got: '+1' }],
    ['an open fraction', '[1.]', { column: 2, expected: 'a number as JSON writes it', got: '1.' }],
    ['a hexadecimal number', '[0x10]', { column: 2, expected: 'a number as JSON writes it', got: '0x10' }],
    ['NaN', '[NaN]', { column: 2, expected: 'a value', got: 'NaN' }],
    ['a number too large', '[1e999]', { column: 2, path: '[0]', expected: 'a number below 1.8e308', got: '1e999' }],
    [
      'a whole number that is not exact',
      '{"f":[{"count":9007199254740993}]}',
      { path: 'f[0].count', expected: 'a whole number between ±9007199254740991', got: '9007199254740993' },
    ],
    [
      'one behind a fraction',
      '[9007199254740993.0]',
      { path: '[0]', expected: expect.stringContaining('whole number') },
    ],
    [
      'a key twice',
      '{"f":[{"count":1,\n  "name":"x",\n  "c\\u006funt":2}]}',
      { line: 3, column: 3, path: 'f[0].count', expected: 'each key once (it stands at line 1, column 8 already)' },
    ],
    ['__proto__', '{"__proto__":{}}', { column: 2, path: '__proto__', expected: 'no key of this name' }],
    ['__proto__ in escapes', '{"\\u005f_proto__":1}', { path: '__proto__', expected: 'no key of this name' }],
  ])('refuses %s, saying where and what was expected', (_, text, problem) => {
    expect(refusal(text)).toMatchObject(problem);
  });

  it('says it in one sentence', () => {
    expect(() => parseJson('{\n  "a": [tru]\n}', limits)).toThrow(
      'Not valid JSON at line 2, column 9 (a[0]): expected a value, got tru.',
    );
  });

  it('counts columns in characters, not in code units', () => {
    expect(refusal('["😀😀", x]')).toMatchObject({ column: 8, got: 'x' });
  });

  it('accepts numbers to the edge of what is exact', () => {
    expect(parseJson('[9007199254740991,-9007199254740991,1e15,0.1,5e-324,-0]', limits)).toEqual([
      9007199254740991, -9007199254740991, 1e15, 0.1, 5e-324, -0,
    ]);
  });

  it('makes plain objects, with keys that have a meaning to JavaScript as any other', () => {
    const value = parseJson('{"constructor":1,"toString":2,"a":{"prototype":3}}', limits);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(JSON.stringify(value)).toBe('{"constructor":1,"toString":2,"a":{"prototype":3}}');
  });

  it('takes what mail programs make of white space between tokens, and not within them', () => {
    const text = '\ufeff\u00a0{\r\n\t"a"\u2003:\u3000[1,\u200b2\r]\u202f}\n\n\n';
    expect(parseJson(text, limits)).toEqual({ a: [1, 2] });
    expect(parseJson('["\u00a0"]', limits)).toEqual(['\u00a0']);
    expect(refusal('[1\u00a02]')).toMatchObject({ expected: '"," or "]"', got: '2' });
    expect(refusal('[tr\u200bue]')).toMatchObject({ expected: 'a value', got: 'tr' });
    for (const other of ['\v', '\f', '\u0085', '\u2028', '\u180e'])
      expect(refusal(`[1,${other}2]`)).toHaveProperty('got');
  });

  it('reads bytes as UTF-8, with or without a byte order mark', () => {
    const bytes = new TextEncoder().encode('\ufeff{"a":"ö"}');
    expect(parseJson(bytes, limits)).toEqual({ a: 'ö' });
    expect(refusal(Uint8Array.of(...bytes.slice(0, -3), 0xff, 0x22, 0x7d))).toMatchObject({ expected: 'valid UTF-8' });
    // UTF-16, as an editor may save it.
    expect(refusal(Uint8Array.from(Buffer.from('\ufeff{}', 'utf16le')))).toMatchObject({ expected: 'valid UTF-8' });
  });

  it('keeps to its limits: one byte, one level more is refused', () => {
    const filled = (bytes: number): string => `["${'x'.repeat(bytes - 4)}"]`;
    expect(parseJson(filled(10_000), limits)).toHaveLength(1);
    expect(refusal(filled(10_001))).toMatchObject({ expected: 'at most 10000 bytes', got: '10001 or more' });
    // Two bytes each, so the limit is reached with half of the characters.
    expect(refusal(`["${'ö'.repeat(4999)}"]`)).toMatchObject({ got: '10002' });
    expect(refusal('x'.repeat(100_000))).toMatchObject({ got: '100000 or more' });
    expect(refusal(new Uint8Array(10_001).fill(0x20))).toMatchObject({ got: '10001' });
    const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}[]${'}'.repeat(levels - 1)}`;
    expect(parseJson(nested(8), limits)).toBeDefined();
    expect(refusal(nested(9))).toMatchObject({ path: 'a.a.a.a.a.a.a.a', expected: 'at most 8 levels of nesting' });
  });

  it('never nests so deep that its own stack overflows, whatever limit it is given', () => {
    const text = '['.repeat(100_000);
    expect(() => parseJson(text, { textBytesMax: 1e6, depthMax: 1e6 })).toThrow('at most 512 levels of nesting');
  });
});
