import { isLicError } from '@lic/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from './canonicalize.ts';

/** The double with these 16 hexadecimal digits as its bits. */
const double = (bits: string): number => Buffer.from(bits, 'hex').readDoubleBE();

const refusal = (value: unknown): unknown => {
  try {
    return canonicalize(value);
  } catch (error) {
    return isLicError(error, 'NOT_JSON') ? error.details : error;
  }
};

describe('canonicalize, by the vectors of RFC 8785', () => {
  // Appendix B.
  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the number %s as %s', (bits, text) => {
    expect(canonicalize(double(bits))).toBe(text);
  });

  it.each([['7fffffffffffffff'], ['7ff0000000000000'], ['fff0000000000000']])('refuses the number %s', (bits) => {
    expect(refusal([double(bits)])).toMatchObject({ path: '[0]' });
  });

  it('serializes the sample of section 3.2.2', () => {
    const sample = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalize(sample)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('sorts as section 3.2.3 says: by UTF-16 code units', () => {
    const sample = JSON.parse(String.raw`{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
    }`);
    expect(Object.values(JSON.parse(canonicalize(sample).replaceAll('"1":', '"one":')))).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  // The examples that the RFC's authors publish with it.
  it.each([
    ['arrays', '[56,{"d":true,"10":null,"1":[ ]}]', '[56,{"1":[],"10":null,"d":true}]'],
    [
      'french',
      '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
      '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
    ],
    [
      'structures',
      String.raw`{"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0},"10": { },"": "empty","a": { },"111": [ {"e": "yes","E": "no" } ],"A": { }}`,
      String.raw`{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}`,
    ],
    ['unicode', '{"Unnormalized Unicode":"A\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'],
    [
      'values',
      String.raw`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals": [null, true, false]}`,
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    ],
    [
      'weird',
      String.raw`{"\u20ac": "Euro Sign","\r": "Carriage Return","\u000a": "Newline","1": "One","\u0080": "Control\u007f","\ud83d\ude02": "Smiley","\u00f6": "Latin Small Letter O With Diaeresis","\ufb33": "Hebrew Letter Dalet With Dagesh","</script>": "Browser Challenge"}`,
      `{"\\n":"Newline","\\r":"Carriage Return","1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😂":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}`,
    ],
  ])('writes the example "%s"', (_, input, output) => {
    expect(canonicalize(JSON.parse(input))).toBe(output);
  });
});

/** RFC 8785 once more, from its text, sharing nothing with the package: an explicit stack and an explicit comparison. */
const independently = (root: unknown): string => {
  const byUnits = (a: string, b: string): number => {
    for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
      const difference = a.charCodeAt(i) - b.charCodeAt(i);
      if (difference !== 0) return difference;
    }
    return a.length - b.length;
  };
  const shortEscapes: Record<string, string> = {
    '\b': '\\b',
    '\t': '\\t',
    '\n': '\\n',
    '\f': '\\f',
    '\r': '\\r',
    '"': '\\"',
    '\\': '\\\\',
  };
  const quote = (text: string): string => {
    const characters = Array.from(text, (character) => {
      const code = character.codePointAt(0) ?? 0;
      return shortEscapes[character] ?? (code < 0x20 ? `\\u${code.toString(16).padStart(4, '0')}` : character);
    });
    return `"${characters.join('')}"`;
  };
  let out = '';
  const stack: ({ readonly text: string } | { readonly value: unknown })[] = [{ value: root }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if ('text' in item) {
      out += item.text;
      continue;
    }
    const { value } = item;
    if (typeof value === 'string') out += quote(value);
    else if (typeof value === 'number') out += value === 0 ? '0' : String(value);
    else if (value === null || typeof value === 'boolean') out += String(value);
    else {
      const list = Array.isArray(value);
      const entries = list
        ? value.map((inner) => ({ prefix: '', inner }))
        : Object.entries(value as object)
            .toSorted(([a], [b]) => byUnits(a, b))
            .map(([key, inner]) => ({ prefix: `${quote(key)}:`, inner }));
      out += list ? '[' : '{';
      stack.push({ text: list ? ']' : '}' });
      entries.toReversed().forEach(({ prefix, inner }, i) => {
        stack.push({ value: inner }, { text: (i === entries.length - 1 ? '' : ',') + prefix });
      });
    }
  }
  return out;
};

describe('canonicalize, by properties', () => {
  const json = fc.jsonValue({ maxDepth: 6, noUnicodeString: false });

  it('agrees with an independent implementation', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalize(value)).toBe(independently(value));
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order of keys, and says the same as the value', () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .map(([key, inner]) => [key, reversed(inner)] as const)
                .toReversed(),
            )
          : value;
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalize(value);
        expect(canonicalize(reversed(value))).toBe(text);
        expect(canonicalize(JSON.parse(text))).toBe(text);
      }),
    );
  });
});

describe('canonicalize refuses', () => {
  const itself: { inner: unknown[] } = { inner: [] };
  itself.inner.push(itself);
  it.each<[string, unknown, string, string]>([
    ['undefined', undefined, '', 'undefined'],
    ['an undefined property', { a: { b: undefined } }, 'a.b', 'undefined'],
    ['an undefined item', [1, [undefined]], '[1][0]', 'undefined'],
    // biome-ignore lint/suspicious/noSparseArray: this is what is being refused.
    ['a gap in a list', [1, , 2], '[1]', 'undefined'],
    ['a function', { f: () => 1 }, 'f', 'a function'],
    ['a toJSON of its own', { toJSON: () => 1 }, 'toJSON', 'a function'],
    ['a symbol', [Symbol('s')], '[0]', 'a symbol'],
    ['a BigInt', { n: 1n }, 'n', 'a bigint'],
    ['NaN', { n: Number.NaN }, 'n', 'NaN'],
    ['Infinity', [Number.POSITIVE_INFINITY], '[0]', 'Infinity'],
    ['half a surrogate pair', { s: 'a\ud83d' }, 's', 'text with half of a surrogate pair'],
    ['the other half, as a key', { '\ude00': 1 }, String.raw`["\ude00"]`, 'text with half of a surrogate pair'],
    ['a date', { at: new Date(0) }, 'at', 'an instance of Date'],
    ['a map', new Map(), '', 'an instance of Map'],
    ['bytes', [new Uint8Array(1)], '[0]', 'an instance of Uint8Array'],
  ])('%s', (_, value, path, problem) => {
    expect(refusal(value)).toEqual({ path, problem });
  });

  it('what contains itself, and what is nested deeper than 512 levels', () => {
    expect(refusal(itself)).toMatchObject({ problem: 'nested deeper than 512 levels, or within itself' });
    const nested = (levels: number): unknown => {
      let value: unknown = 0;
      for (let i = 0; i < levels; i += 1) value = [value];
      return value;
    };
    expect(refusal(nested(512))).toBe(`${'['.repeat(512)}0${']'.repeat(512)}`);
    expect(refusal(nested(513))).toMatchObject({ problem: expect.stringContaining('512') });
  });

  it('but takes the same part twice, objects without prototype, and keys with a meaning to JavaScript', () => {
    const part = { a: 1 };
    expect(canonicalize([part, part])).toBe('[{"a":1},{"a":1}]');
    expect(canonicalize(Object.assign(Object.create(null) as object, part))).toBe('{"a":1}');
    expect(canonicalize(JSON.parse('{"__proto__":{"b":1},"constructor":2}'))).toBe(
      '{"__proto__":{"b":1},"constructor":2}',
    );
  });
});
