import { crc32 } from 'node:zlib';
import { type PeerLink, type SnapshotMeta, silentLogger } from '@lic/interfaces';
import { createMemoryLogStore, createVirtualWorld, MemoryDisk } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import type { SnapshotChunk } from '../core/messages.ts';
import { decodeMessage } from '../wire/codec.ts';
import { encodeConfiguration } from '../wire/configuration.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { SNAPSHOT_CHUNKS_IN_FLIGHT_MAX, SnapshotSender } from './snapshot-sender.ts';

const config = encodeConfiguration([{ id: 'a', incarnation: 'a-1', voter: true }]);
const meta: SnapshotMeta = { index: 9, term: 2, config };
const PIECES = 20;

/** Leader `a` with a snapshot of 20 pieces, and `c`, on a link of one millisecond that loses what it is told to. */
async function setUp() {
  const world = createVirtualWorld({ seed: 'snapshot resume' });
  const runtime = world.runtime('a');
  const from = createMemoryLogStore(new MemoryDisk(), { runtime, syncMs: 1 });
  const into = createMemoryLogStore(new MemoryDisk(), { runtime, syncMs: 1 });
  const opened = Promise.all([from.open(), into.open()]);
  await world.settle();
  await opened;
  const chunks = async function* () {
    for (let each = 0; each < PIECES; each += 1) yield Buffer.from(`piece ${each};`);
  };
  const saved = from.saveSnapshot(meta, chunks());
  await world.run({ forMs: 50 });
  await saved;

  const sent: number[] = [];
  const received: SnapshotMeta[] = [];
  let sender: SnapshotSender | undefined;
  let isLost: (sequence: number) => boolean = () => false;
  const receiver = new SnapshotReceiver({
    store: into,
    runtime,
    logger: silentLogger,
    reply: (_, reply) => runtime.setTimer(1, () => sender?.onReply(reply)),
    onReceived: (of) => received.push(of),
  });
  const ends: string[] = [];
  const begin = () => {
    const link: PeerLink = {
      peer: 'c',
      bootId: '1',
      send: (frame) => {
        const chunk = decodeMessage(frame) as SnapshotChunk;
        sent.push(chunk.sequence);
        if (!isLost(chunk.sequence)) runtime.setTimer(1, () => receiver.onChunk('a', chunk, true));
        return true;
      },
      drained: async () => {},
      onFrame: () => {},
      onClose: () => {},
    };
    sender = new SnapshotSender({
      store: from,
      runtime,
      link,
      term: 2,
      onSent: (index) => ends.push(`sent ${index}`),
      onFailed: (why) => ends.push(why),
    });
    return sender;
  };
  const stored = async () => {
    const parts: Uint8Array[] = [];
    const snapshot = await into.readSnapshot();
    for await (const part of snapshot?.chunks ?? []) parts.push(part);
    return Buffer.concat(parts).toString().split(';').length - 1;
  };
  const lose = (lost: typeof isLost) => {
    isLost = lost;
  };
  return { world, sent, received, ends, receiver, begin, stored, lose };
}

describe('a snapshot on its way', () => {
  it('has few pieces under way, and brings each once', async () => {
    const { world, sent, received, ends, begin, stored } = await setUp();
    begin();
    await world.run({ forMs: 200 });
    expect(sent).toEqual(Array.from({ length: PIECES + 1 }, (_, at) => at));
    expect([received, ends, await stored()]).toEqual([[meta], ['sent 9'], PIECES]);
  });

  it('goes on where it was when the link breaks: what the disk has is not sent again', async () => {
    const { world, sent, received, ends, begin, stored, lose } = await setUp();
    const first = begin();
    await world.run({ until: () => sent.length > 10, forMs: 200 });
    const before = sent.length;
    lose(() => true);
    first.fail('the link closed');
    await world.run({ forMs: 1_000 });
    lose(() => false);
    begin();
    await world.run({ forMs: 200 });
    const again = sent.slice(before);
    expect(again[0]).toBe(0);
    expect(again[1]).toBeGreaterThanOrEqual(before - SNAPSHOT_CHUNKS_IN_FLIGHT_MAX - 1);
    expect(sent.length).toBeLessThanOrEqual(PIECES + 2 + SNAPSHOT_CHUNKS_IN_FLIGHT_MAX);
    expect([received, ends, await stored()]).toEqual([[meta], ['the link closed', 'sent 9'], PIECES]);
  });

  it.each([0, 7, PIECES])('survives the loss of piece %i', async (lost) => {
    const { world, sent, received, ends, begin, stored, lose } = await setUp();
    const isFirst = () => sent.filter((sequence) => sequence === lost).length === 1;
    lose((sequence) => sequence === lost && isFirst());
    begin();
    await world.run({ forMs: 3_000 });
    expect([received, ends, await stored()]).toEqual([[meta], ['sent 9'], PIECES]);
    expect(sent.length).toBeLessThanOrEqual(PIECES + 2 + SNAPSHOT_CHUNKS_IN_FLIGHT_MAX);
  });

  it('is given up by its receiver when nothing comes for 10 s, and by its sender when nothing is answered', async () => {
    const { world, ends, begin, stored, lose, receiver, received } = await setUp();
    lose((sequence) => sequence > 5);
    begin();
    await world.run({ forMs: 15_000 });
    expect(ends).toEqual(['the peer is silent']);
    lose(() => false);
    begin();
    await world.run({ forMs: 200 });
    expect([received, await stored()]).toEqual([[meta], PIECES]);
    receiver.abort('over');
  });

  it('is begun anew by another leader', async () => {
    const { world, received, receiver, begin, stored, lose } = await setUp();
    lose((sequence) => sequence > 5);
    const first = begin();
    await world.run({ forMs: 100 });
    first.fail('over');
    receiver.onLeader(null);
    receiver.onLeader('b');
    await world.run({ forMs: 100 });
    const other = {
      type: 'snapshot',
      term: 3,
      meta,
      sequence: 0,
      checksum: null,
      data: Buffer.from('other;'),
    } as const;
    receiver.onChunk('b', other, true);
    await world.run({ forMs: 100 });
    receiver.onChunk('b', { ...other, sequence: 1, checksum: crc32(other.data), data: new Uint8Array(0) }, true);
    await world.run({ forMs: 100 });
    expect([received, await stored()]).toEqual([[meta], 1]);
  });
});
