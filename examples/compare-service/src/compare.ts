import { XMLParser } from 'fast-xml-parser';
import { SyntaxValidator } from 'fast-xml-validator';
import { create, type Delta } from 'jsondiffpatch';
import JsonPatchFormatter from 'jsondiffpatch/formatters/jsonpatch';

/** Two documents of one format. */
export interface Comparison {
  readonly format: 'json' | 'xml';
  readonly left: string;
  readonly right: string;
}

/** What is different, as a delta of jsondiffpatch and as a JSON Patch (RFC 6902) from left to right. */
export interface Difference {
  readonly equal: boolean;
  readonly delta: Delta;
  readonly patch: readonly unknown[];
}

/** A document that can't be read; `side` says which. */
export class DocumentError extends Error {
  readonly side: 'left' | 'right';

  constructor(side: 'left' | 'right', message: string) {
    super(`The ${side} document is not well formed: ${message}`);
    this.name = 'DocumentError';
    this.side = side;
  }
}

const differ = create({
  // Items of lists are the same where they carry the same id; otherwise by their content, so that a moved item is a move.
  objectHash: (item) => {
    const { id } = item as { readonly id?: unknown };
    return typeof id === 'string' || typeof id === 'number' ? String(id) : JSON.stringify(item);
  },
});
const patches = new JsonPatchFormatter();
const xml = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  parseTagValue: false,
  parseAttributeValue: false,
});

/** Compares by structure: white space between elements and the order of a JSON object's keys make no difference. Throws {@link DocumentError}. */
export function compareDocuments({ format, left, right }: Comparison): Difference {
  const read = format === 'json' ? readJson : readXml;
  const delta = differ.diff(read('left', left), read('right', right));
  return { equal: delta === undefined, delta, patch: delta === undefined ? [] : patches.format(delta) };
}

function readJson(side: 'left' | 'right', text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DocumentError(side, (error as Error).message);
  }
}

function readXml(side: 'left' | 'right', text: string): unknown {
  try {
    SyntaxValidator.validate(text);
  } catch (error) {
    throw new DocumentError(side, (error as Error).message);
  }
  return xml.parse(text);
}
