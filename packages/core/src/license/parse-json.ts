import { LicError } from '@lic/interfaces';
import { formatPath } from './json-path.ts';

/** How large a document may be. */
export interface JsonLimits {
  /** In UTF-8. */
  readonly textBytesMax: number;
  /** Objects and arrays inside one another; never more than 512, whatever is said here. */
  readonly depthMax: number;
}

/** The details of a `JSON_INVALID`. Line and column count from 1. */
export interface JsonProblem {
  readonly line: number;
  readonly column: number;
  /** `features[0].count`; empty for the document. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/** The parser calls itself once per level: this keeps its stack small. */
const depthMaxEver = 512;

// White space between tokens. Besides RFC 8259's four, what mail programs make of spaces and put at the beginning of files:
// no-break spaces, other typographic spaces, the zero width space, the byte order mark. Never within a string.
const whiteSpace = /[ \t\r\n\u00a0\u2000-\u200b\u202f\u3000\ufeff]*/y;
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /[A-Za-z]+/y;
const escapes: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const words = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class Parser {
  readonly #text: string;
  readonly #depthMax: number;
  readonly #path: (string | number)[] = [];
  #offset = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = Math.min(depthMax, depthMaxEver);
  }

  document(): unknown {
    const value = this.#value();
    this.#skip();
    if (this.#offset < this.#text.length) this.#fail('the end of the text');
    return value;
  }

  #value(): unknown {
    this.#skip();
    const character = this.#text[this.#offset];
    if (character === '{') return this.#nested(() => this.#object());
    if (character === '[') return this.#nested(() => this.#array());
    if (character === '"') return this.#string();
    const start = this.#offset;
    const number = this.#match(numberToken);
    if (number !== '') return this.#number(number, start);
    const literal = this.#match(word);
    if (words.has(literal)) return words.get(literal);
    this.#offset = start;
    return this.#fail('a value');
  }

  #nested(read: () => unknown): unknown {
    if (this.#path.length >= this.#depthMax) this.#fail(`at most ${this.#depthMax} levels of nesting`);
    this.#offset += 1;
    return read();
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    const keyOffsets = new Map<string, number>();
    if (this.#next('}')) return object;
    do {
      this.#skip();
      const start = this.#offset;
      if (this.#text[start] !== '"') this.#fail('a key in double quotes');
      const key = this.#string();
      this.#path.push(key);
      const before = keyOffsets.get(key);
      if (before !== undefined) {
        this.#fail(`each key once (it stands at ${this.#place(before)} already)`, start);
      }
      // A plain object would lose it, and take a new prototype instead.
      if (key === '__proto__') this.#fail('no key of this name', start);
      keyOffsets.set(key, start);
      if (!this.#next(':')) this.#fail('":" behind the key');
      object[key] = this.#value();
      this.#path.pop();
    } while (this.#next(','));
    if (!this.#next('}')) this.#fail('"," or "}"');
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    if (this.#next(']')) return array;
    do {
      this.#path.push(array.length);
      array.push(this.#value());
      this.#path.pop();
    } while (this.#next(','));
    if (!this.#next(']')) this.#fail('"," or "]"');
    return array;
  }

  #string(): string {
    const start = this.#offset;
    this.#offset += 1;
    let value = this.#plainText();
    for (let character = this.#text[this.#offset]; character !== '"'; character = this.#text[this.#offset]) {
      if (character === '\\') value += this.#escape();
      else if (character === undefined) this.#fail('a closing double quote');
      else if (character === '\n' || character === '\r') {
        this.#fail('a closing double quote; where a mail program has wrapped the line, join it to the next');
      } else this.#fail('no control character within a string');
      value += this.#plainText();
    }
    this.#offset += 1;
    if (/\p{Surrogate}/u.test(value)) this.#fail('no half of a surrogate pair', start);
    return value;
  }

  /** Characters of a string that stand for themselves. */
  #plainText(): string {
    const start = this.#offset;
    for (;;) {
      const code = this.#text.charCodeAt(this.#offset);
      // Also at the end of the text, where it is NaN.
      if (!(code >= 0x20) || code === 0x22 || code === 0x5c) return this.#text.slice(start, this.#offset);
      this.#offset += 1;
    }
  }

  #escape(): string {
    const start = this.#offset;
    const kind = this.#text[start + 1] ?? '';
    if (kind === 'u') {
      const digits = this.#text.slice(start + 2, start + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('four hexadecimal digits behind "\\u"');
      this.#offset += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    this.#offset += 2;
    return escapes[kind] ?? this.#fail('one of " \\ / b f n r t u behind "\\"', start);
  }

  #number(token: string, start: number): number {
    const value = Number(token);
    if (/[\w.+-]/.test(this.#text[this.#offset] ?? '')) this.#fail('a number as JSON writes it', start);
    if (!Number.isFinite(value)) this.#fail('a number below 1.8e308', start);
    // Beyond, different numbers in the text would be the same number here.
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      this.#fail(`a whole number between ±${Number.MAX_SAFE_INTEGER}`, start);
    }
    return value;
  }

  /** Steps over the character if it comes next. */
  #next(character: string): boolean {
    this.#skip();
    if (this.#text[this.#offset] !== character) return false;
    this.#offset += 1;
    return true;
  }

  #skip(): void {
    this.#match(whiteSpace);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#offset;
    const token = pattern.exec(this.#text)?.[0] ?? '';
    this.#offset += token.length;
    return token;
  }

  #fail(expected: string, offset = this.#offset): never {
    const path = formatPath(this.#path);
    const { line, column } = this.#position(offset);
    const where = `Not valid JSON at line ${line}, column ${column}${path === '' ? '' : ` (${path})`}`;
    throw jsonInvalid(where, { line, column, path, expected, got: this.#excerpt(offset) });
  }

  #excerpt(offset: number): string {
    const rest = this.#text.slice(offset, offset + 40);
    if (rest === '') return 'the end of the text';
    const [token] = /^(?:"[^"\p{Cc}]{0,30}"?|[\w.+-]{1,30})/u.exec(rest) ?? [];
    return token ?? JSON.stringify(String.fromCodePoint(rest.codePointAt(0) ?? 0));
  }

  #place(offset: number): string {
    const { line, column } = this.#position(offset);
    return `line ${line}, column ${column}`;
  }

  #position(offset: number): { readonly line: number; readonly column: number } {
    const lines = this.#text.slice(0, offset).split(/\r\n|\r|\n/);
    return { line: lines.length, column: [...(lines.at(-1) ?? '')].length + 1 };
  }
}

const jsonInvalid = (what: string, problem: JsonProblem, cause?: unknown): LicError => {
  const message = `${what}: expected ${problem.expected}, got ${problem.got}.`;
  return new LicError('JSON_INVALID', message, { cause, details: { ...problem } });
};

/** The text, if it is within its limit; bytes must be UTF-8. */
const boundedText = (text: string | Uint8Array, { textBytesMax }: JsonLimits): string => {
  const refuse = (what: string, expected: string, got: string, cause?: unknown): never => {
    throw jsonInvalid(what, { line: 1, column: 1, path: '', expected, got }, cause);
  };
  // A string has at least as many bytes as units, so a very long one is refused before it is encoded.
  const isLong = text.length > textBytesMax;
  const byteLength = typeof text === 'string' && !isLong ? new TextEncoder().encode(text).length : text.length;
  if (byteLength > textBytesMax) {
    const got = typeof text === 'string' && isLong ? `${byteLength} or more` : `${byteLength}`;
    refuse('The text is too large', `at most ${textBytesMax} bytes`, got);
  }
  if (typeof text === 'string') return text;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(text);
  } catch (cause) {
    return refuse('The text is not UTF-8', 'valid UTF-8', 'other bytes', cause);
  }
};

/**
 * Parses JSON strictly: what RFC 8259 allows, without what different readers understand in different ways (RFC 7493):
 * keys that stand twice, whole numbers beyond ±(2^53 - 1), half surrogate pairs. Also refused: `__proto__` as a key, and
 * anything behind the document. White space between tokens may be what a mail program makes of it.
 *
 * @throws `JSON_INVALID`; details: `line` and `column` from 1, `path`, `expected`, `got`.
 */
export const parseJson = (text: string | Uint8Array, limits: JsonLimits): unknown =>
  new Parser(boundedText(text, limits), limits.depthMax).document();
