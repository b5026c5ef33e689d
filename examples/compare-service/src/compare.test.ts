import { describe, expect, it } from 'vitest';
import { compareDocuments, DocumentError } from './compare.ts';

describe('comparing documents', () => {
  it('finds two JSON documents equal whatever their white space and order of keys', () => {
    expect(compareDocuments({ format: 'json', left: '{"a":1,"b":[1,2]}', right: '{ "b": [1, 2], "a": 1 }' })).toEqual({
      equal: true,
      delta: undefined,
      patch: [],
    });
  });

  it('tells a changed value of JSON as a JSON Patch', () => {
    const { equal, patch } = compareDocuments({
      format: 'json',
      left: '{"a":{"b":1}}',
      right: '{"a":{"b":2},"c":true}',
    });
    expect(equal).toBe(false);
    expect(patch).toEqual([
      { op: 'replace', path: '/a/b', value: 2 },
      { op: 'add', path: '/c', value: true },
    ]);
  });

  it('compares XML by structure: white space between elements is nothing, an attribute is something', () => {
    const left = '<order id="1"><item>pen</item></order>';
    expect(compareDocuments({ format: 'xml', left, right: '<order id="1">\n  <item>pen</item>\n</order>' }).equal).toBe(
      true,
    );
    expect(compareDocuments({ format: 'xml', left, right: '<order id="2"><item>pen</item></order>' }).equal).toBe(
      false,
    );
    expect(compareDocuments({ format: 'xml', left, right: '<order id="1"><item>ink</item></order>' }).equal).toBe(
      false,
    );
  });

  it.each([
    ['json', '{"a":1', '{}', 'left'],
    ['json', '{}', 'nothing', 'right'],
    ['xml', '<a><b></a>', '<a/>', 'left'],
  ] as const)('says which %s document is not well formed', (format, left, right, side) => {
    expect(() => compareDocuments({ format, left, right })).toThrow(DocumentError);
    expect(() => compareDocuments({ format, left, right })).toThrow(`The ${side} document is not well formed`);
  });
});
