import { seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import type { Message } from '../core/messages.ts';
import { decodeMessage, encodeMessage, isBadMessage } from './codec.ts';
import { decodeConfiguration, encodeConfiguration } from './configuration.ts';
import { Writer } from './writer.ts';

const members = ['a', 'b', 'c'].map((id) => ({ id: `ed25519:${id}`, incarnation: `${id}-1`, voter: id !== 'c' }));
const config = encodeConfiguration(members);
const data = (text: string) => new Uint8Array(Buffer.from(text));
const big = Number.MAX_SAFE_INTEGER;

const messages: Message[] = [
  { type: 'preVote', term: 1, lastIndex: 2, lastTerm: 3, target: 'a-1', position: 2 },
  { type: 'vote', term: big, lastIndex: big, lastTerm: big, target: '', transfer: true, incarnation: 'x' },
  { type: 'preVoteReply', term: 0, asked: 1, granted: false, leader: `rsa:${'ä€'.repeat(150)}`, incarnation: 'x' },
  { type: 'voteReply', term: 128, asked: 16_384, granted: true, leader: null, incarnation: 'x' },
  { type: 'append', term: 1, prevIndex: 0, prevTerm: 0, commit: 0, probe: true, entries: [] },
  {
    type: 'append',
    term: 4_294_967_296,
    prevIndex: 2_147_483_647,
    prevTerm: 1,
    commit: 127,
    probe: false,
    entries: [
      { index: 2_147_483_648, term: 1, kind: 'command', data: data('one') },
      { index: 2_147_483_649, term: 2, kind: 'noop', data: data('') },
      { index: 2_147_483_650, term: 4_294_967_296, kind: 'config', data: config },
    ],
  },
  { type: 'appendReply', term: 1, match: 2, incarnation: 'x' },
  { type: 'appendRefused', term: 1, prevIndex: 2, hintIndex: 3, hintTerm: 4, incarnation: 'x' },
  { type: 'round', term: 1, round: 2, commit: 3, acknowledged: [] },
  {
    type: 'round',
    term: 1,
    round: 2,
    commit: 3,
    acknowledged: [
      { id: 'ed25519:a', incarnation: 'a-1', term: 1, index: big, entryTerm: 0 },
      { id: 'ed25519:b', incarnation: 'b-1', term: 2, index: 3, entryTerm: 4 },
    ],
  },
  { type: 'witnessQuestion', term: 3, incarnation: 'x' },
  { type: 'witnessAnswer', term: 3, known: null },
  { type: 'witnessAnswer', term: 3, known: { id: 'a', incarnation: 'x', term: 1, index: 2, entryTerm: 1 } },
  { type: 'roundReply', term: 1, round: 2, incarnation: 'x' },
  { type: 'newerTerm', term: 9 },
  { type: 'timeoutNow', term: 9 },
  { type: 'snapshot', term: 9, meta: { index: 5, term: 4, config }, sequence: 0, checksum: null, data: data('piece') },
  {
    type: 'snapshot',
    term: 9,
    meta: { index: 5, term: 4, config },
    sequence: 7,
    checksum: 0xffff_ffff,
    data: data(''),
  },
  { type: 'snapshotReply', term: 9, index: 5, sequence: 7, ok: true },
];

/** Plain bytes instead of Node's `Buffer`, so that contents are compared and not classes. */
function plain(message: Message): Message {
  return structuredClone(message);
}

function refusedWith(frame: Uint8Array): string | undefined {
  try {
    decodeMessage(frame);
    return undefined;
  } catch (error) {
    if (!isBadMessage(error)) throw error;
    return error.message;
  }
}

describe('a message', () => {
  it.each(messages.map((message) => [message.type, message] as const))('%s comes back as it was', (_, message) => {
    expect(plain(decodeMessage(encodeMessage(message)))).toEqual(plain(message));
  });

  it.each(messages.map((message) => [message.type, message] as const))(
    '%s cut short or prolonged is refused',
    (_, message) => {
      const frame = encodeMessage(message);
      for (let length = 0; length < frame.length; length += 1)
        expect(refusedWith(frame.slice(0, length))).toBeDefined();
      expect(refusedWith(Buffer.concat([frame, Buffer.from([0])]))).toMatch('too many');
    },
  );

  it('of any bytes at all is decoded or refused, and nothing else', () => {
    const random = seededRandom('codec');
    for (let each = 0; each < 20_000; each += 1) {
      const frame = Buffer.from(encodeMessage(random.pick(messages)));
      for (let flips = random.between(1, 4); flips > 0; flips -= 1) {
        frame[random.between(0, frame.length - 1)] = random.between(0, 255);
      }
      refusedWith(frame);
      refusedWith(Buffer.concat([frame.subarray(0, 2), random.bytes(random.between(0, 40))]));
    }
  });

  it('of another version is refused', () => {
    const frame = encodeMessage(messages[0]!);
    frame[0] = 2;
    expect(refusedWith(frame)).toMatch('message version is 2, expected 1');
  });

  it('whose count of entries could not fit into it is refused before anything is reserved', () => {
    const writer = new Writer(100);
    for (const value of [1, 5, 1, 0, 0, 0, 0]) writer.byte(value);
    writer.count(60_000);
    expect(refusedWith(writer.finish())).toMatch('60000 entries');
  });

  it('whose entries have falling terms, or terms beyond its own, is refused', () => {
    const append = messages[5]!;
    if (append.type !== 'append') throw new Error('the fifth message is an append');
    expect(refusedWith(encodeMessage({ ...append, term: 3 }))).toMatch('an entry of term');
    expect(refusedWith(encodeMessage({ ...append, entries: append.entries.toReversed() }))).toMatch('an entry of term');
  });

  it('with a text that is too long, or a number above 2^53, is refused', () => {
    const long = encodeMessage({ type: 'appendReply', term: 1, match: 1, incarnation: 'x'.repeat(1_100) });
    expect(refusedWith(long)).toMatch('a text of 1100 bytes');
    expect(refusedWith(Uint8Array.from([1, 10, 255, 255, 255, 255, 255, 255, 255, 127]))).toMatch('2^53');
    expect(refusedWith(Uint8Array.from([1, 10, 255, 255, 255, 255, 255, 255, 255, 255, 1]))).toMatch('8 bytes');
  });

  it('gives data as views into the frame, without a copy', () => {
    const frame = encodeMessage(messages[5]!);
    const decoded = decodeMessage(frame);
    expect(decoded.type === 'append' && decoded.entries[0]!.data.buffer).toBe(frame.buffer);
  });
});

describe('a configuration', () => {
  it('comes back as it was', () => {
    expect(decodeConfiguration(config)).toEqual(members);
  });

  it.each([
    ['of another version', [9, 1, 1, 0, 0]],
    ['without members', [1, 0]],
    ['with too many members', [1, 10]],
    ['with a flag that is none', [1, 1, 2, 0, 0]],
  ])('%s is refused', (_, bytes) => {
    expect(() => decodeConfiguration(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: 'BAD_PEER_MESSAGE' }),
    );
  });
});
