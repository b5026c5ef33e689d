import { expect, it } from 'vitest';
import { type RemovalFacts, removalOf } from './removal.ts';

const refused = (peer: string, code = 'PEER_SAYS_UNKNOWN_KEY') => ({ peer, code });

const facts = (changes: Partial<RemovalFacts> = {}): RemovalFacts => ({
  self: 'x',
  servers: ['a', 'b', 'x'],
  members: ['a', 'b', 'x'],
  peers: [
    { id: 'a', isUp: true },
    { id: 'b', isUp: true },
  ],
  refusals: () => [],
  ...changes,
});
const isolated = [
  { id: 'a', isUp: false },
  { id: 'b', isUp: false },
];

it.each<[string, Partial<RemovalFacts>, boolean]>([
  ['is in its triad as long as both have it', {}, false],
  ['goes on while only the license has it no more', { servers: ['a', 'b', 'd'] }, false],
  ['goes on while it comes in as a learner', { members: ['a', 'b'] }, false],
  ['is out where its own log has it in neither', { servers: ['a', 'b', 'd'], members: ['a', 'b'] }, true],
  ['is in, and isolated, where nobody answers', { peers: isolated }, false],
  [
    'is out where another refuses its key and no link is left, and its license has it no more',
    { servers: ['a', 'b', 'd'], peers: isolated, refusals: () => [refused('b')] },
    true,
  ],
  [
    'is in as long as one takes its links',
    { servers: ['a', 'b', 'd'], peers: [{ id: 'a', isUp: true }], refusals: () => [refused('b')] },
    false,
  ],
  [
    'does not take the word of one alone against its own log',
    { peers: isolated, refusals: () => [refused('b')] },
    false,
  ],
  ['takes that of all', { peers: isolated, refusals: () => [refused('a'), refused('b')] }, true],
  [
    'is not out for any other refusal',
    { peers: isolated, refusals: () => [refused('a', 'PEER_SAYS_IDENTITY_IN_USE'), refused('b')] },
    false,
  ],
])('a server %s', (_what, changes, isOut) => {
  expect(removalOf(facts(changes)) !== null).toBe(isOut);
});
