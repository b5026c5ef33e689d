import { describe, expect, it } from 'vitest';
import { compareStates, isOddOne, type StateHashes, type StateVerdict } from './compare-states.ts';

/** `a 1024:x 1030:y`: a server's notes. */
function server(text: string): StateHashes {
  const [id = '', ...notes] = text.split(' ');
  return {
    id,
    notes: notes.map((note) => {
      const [index = '', hash = ''] = note.split(':');
      return { index: Number(index), hash };
    }),
  };
}
const verdict = (...servers: string[]): StateVerdict => compareStates(servers.map(server));

describe('states', () => {
  it.each<[string, string[], Partial<StateVerdict>]>([
    ['of three that agree', ['a 10:x', 'b 10:x', 'c 10:x'], { kind: 'same' }],
    ['that agree at the newest index that all have', ['a 10:x 20:y', 'b 10:x 20:y', 'c 10:x'], { kind: 'same' }],
    ['of two that agree', ['a 10:x', 'b 10:x'], { kind: 'same' }],
    ['of which one differs', ['a 10:x', 'b 10:z', 'c 10:x'], { kind: 'odd', server: 'b' }],
    ['of which the first differs', ['a 10:z', 'b 10:x', 'c 10:x'], { kind: 'odd', server: 'a' }],
    ['of two that differ', ['a 10:x', 'b 10:z'], { kind: 'split' }],
    ['of three that all differ', ['a 10:x', 'b 10:y', 'c 10:z'], { kind: 'split' }],
    ['of which two differ, and the third can not be compared', ['a 10:x', 'b 10:y', 'c 9:z'], { kind: 'split' }],
    ['of which two agree, and the third can not be compared', ['a 10:x', 'b 10:x', 'c 9:z'], { kind: 'same' }],
    ['without an index in common', ['a 10:x', 'b 11:x', 'c 9:z'], { kind: 'unknown' }],
    ['of one server', ['a 10:x'], { kind: 'unknown' }],
  ])('%s', (_what, servers, expected) => {
    expect(verdict(...servers)).toMatchObject(expected);
  });

  it('are shown with the hash of each, at the index where they differ', () => {
    expect(verdict('a 10:x', 'b 10:z', 'c 10:x')).toEqual({
      kind: 'odd',
      server: 'b',
      index: 10,
      hashes: { a: 'x', b: 'z', c: 'x' },
    });
  });
});

describe('a server that is told that its state differs', () => {
  const proof = { index: 10, hashes: { a: 'x', b: 'z', c: 'x' } };

  it.each<[string, string, typeof proof, string, boolean]>([
    ['believes it where its own hash says so', 'b', proof, 'b 10:z', true],
    ['does not where it agrees with the others', 'a', proof, 'a 10:x', false],
    ['does not where its hash is not what is said', 'b', proof, 'b 10:x', false],
    ['does not where it has none at that index', 'b', proof, 'b 11:z', false],
    ['does not where the others do not agree', 'b', { index: 10, hashes: { a: 'x', b: 'z', c: 'y' } }, 'b 10:z', false],
    ['does not on the word of one', 'b', { index: 10, hashes: { a: 'x', b: 'z' } as never }, 'b 10:z', false],
  ])('%s', (_what, self, difference, notes, isOdd) => {
    expect(isOddOne(self, difference, server(notes).notes)).toBe(isOdd);
  });
});
