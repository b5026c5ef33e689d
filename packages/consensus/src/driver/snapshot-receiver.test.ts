import { crc32 } from 'node:zlib';
import { type LogStore, type SnapshotMeta, silentLogger } from '@lic/interfaces';
import { createMemoryLogStore, createVirtualWorld, MemoryDisk } from '@lic/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SnapshotChunk, SnapshotReply } from '../core/messages.ts';
import { encodeConfiguration } from '../wire/configuration.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';

const meta: SnapshotMeta = {
  index: 9,
  term: 2,
  config: encodeConfiguration([{ id: 'a', incarnation: 'a-1', voter: true }]),
};
const pieces = ['one', 'two', 'three'].map((text) => Buffer.from(text));
const whole = Buffer.concat(pieces);

const chunk = (sequence: number, fields: Partial<SnapshotChunk> = {}): SnapshotChunk => ({
  type: 'snapshot',
  term: 2,
  meta,
  sequence,
  checksum: null,
  data: pieces[sequence] ?? new Uint8Array(0),
  ...fields,
});

let store: LogStore;
let replies: (SnapshotReply & { to: string })[];
let received: SnapshotMeta[];
let receiver: SnapshotReceiver;

beforeEach(async () => {
  store = createMemoryLogStore(new MemoryDisk());
  await store.open();
  replies = [];
  received = [];
  receiver = new SnapshotReceiver({
    store,
    runtime: createVirtualWorld({ seed: 'receiver' }).runtime('c'),
    logger: silentLogger,
    reply: (to, reply) => replies.push({ ...reply, to }),
    onReceived: (of) => received.push(of),
  });
});

async function settle(): Promise<void> {
  for (let each = 0; each < 50; each += 1) await Promise.resolve();
}

async function stored(): Promise<string | undefined> {
  const snapshot = await store.readSnapshot();
  if (snapshot === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of snapshot.chunks) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('a snapshot that is received', () => {
  it('is on disk before it is told, and each piece is acknowledged when the disk has taken it', async () => {
    for (const sequence of [0, 1, 2]) receiver.onChunk('b', chunk(sequence), true);
    expect(replies).toEqual([]);
    await settle();
    expect(replies.map((reply) => reply.sequence)).toEqual([0, 1, 2]);
    expect(received).toEqual([]);
    receiver.onChunk('b', chunk(3, { checksum: crc32(whole) }), true);
    await settle();
    expect(received).toEqual([meta]);
    expect(replies.at(-1)).toMatchObject({ to: 'b', sequence: 3, ok: true, index: 9 });
    expect(await stored()).toBe('onetwothree');
  });

  it('with a wrong checksum is refused, and nothing is stored', async () => {
    for (const sequence of [0, 1, 2]) receiver.onChunk('b', chunk(sequence), true);
    receiver.onChunk('b', chunk(3, { checksum: crc32(whole) ^ 1 }), true);
    await settle();
    expect(replies.at(-1)).toMatchObject({ ok: false });
    expect(received).toEqual([]);
    expect(await stored()).toBeUndefined();
  });

  it('takes no piece before the one that is missing, and none twice', async () => {
    for (const sequence of [0, 2, 0, 1, 1, 2]) receiver.onChunk('b', chunk(sequence), true);
    receiver.onChunk('b', chunk(3, { checksum: crc32(whole) }), true);
    receiver.onChunk('b', chunk(3, { checksum: crc32(whole) }), true);
    await settle();
    expect(await stored()).toBe('onetwothree');
    expect(received).toEqual([meta]);
  });

  it('says to a sender that begins once more how far it is on disk', async () => {
    for (const sequence of [0, 1]) receiver.onChunk('b', chunk(sequence), true);
    await settle();
    replies.length = 0;
    receiver.onChunk('b', chunk(0), true);
    expect(replies).toMatchObject([{ sequence: 1, ok: true }]);
  });

  it('may begin anew half-way, once the store has done with the first', async () => {
    receiver.onChunk('b', chunk(0), true);
    receiver.onChunk('c', chunk(0), true);
    expect(replies).toMatchObject([{ to: 'c', ok: false }]);
    await settle();
    for (const sequence of [0, 1, 2]) receiver.onChunk('c', chunk(sequence), true);
    receiver.onChunk('c', chunk(3, { checksum: crc32(whole) }), true);
    await settle();
    expect(received).toEqual([meta]);
    expect(await stored()).toBe('onetwothree');
  });

  it('is given up when another server leads; the store waits for nothing', async () => {
    receiver.onChunk('b', chunk(0), true);
    receiver.onLeader('b');
    receiver.onLeader(null);
    receiver.onChunk('b', chunk(1), true);
    receiver.onLeader('c');
    await settle();
    receiver.onChunk('b', chunk(2), true);
    expect(replies.at(-1)).toMatchObject({ sequence: 2, ok: false });
    await settle();
    await store.close();
    expect(received).toEqual([]);
  });

  it('that brings nothing new is not stored', async () => {
    receiver.onChunk('b', chunk(0), false);
    await settle();
    expect(received).toEqual([meta]);
    expect(replies).toMatchObject([{ ok: false }]);
    expect(await stored()).toBeUndefined();
  });
});
