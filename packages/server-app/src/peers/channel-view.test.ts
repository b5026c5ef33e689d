import { describe, expect, it } from 'vitest';
import { ChannelView, type LinkCarrier } from './channel-view.ts';
import { peerLimits } from './peer-frames.ts';

const carrier = (isUp = true) => {
  const sent: [number, Uint8Array][] = [];
  const announced: string[] = [];
  const link: LinkCarrier = {
    peer: 'peer',
    bootId: 'boot',
    isUp,
    announce: (name) => announced.push(name) - 1,
    sendData: (id, payload) => sent.push([id, payload]) > 0,
    drained: () => Promise.resolve(),
  };
  return { link, sent, announced };
};
const frame = Uint8Array.of(1);
const end = { kind: 'reset', message: '' } as const;

describe('a link seen through a channel', () => {
  it('gives frames that came before the end to their receiver before the end', () => {
    const view = new ChannelView(carrier().link, 'x');
    const seen: string[] = [];
    view.receive(frame);
    view.onFrame(() => seen.push('frame'));
    view.onClose(({ kind }) => seen.push(kind));
    view.end(end);
    expect(seen).toEqual(['frame', 'reset']);
  });

  it('keeps the order of what waited and what comes while it is given', async () => {
    const view = new ChannelView(carrier().link, 'x');
    const seen: number[] = [];
    view.receive(Uint8Array.of(1));
    view.onFrame((bytes) => seen.push(bytes[0] ?? 0));
    view.receive(Uint8Array.of(2));
    expect(seen).toEqual([]);
    await Promise.resolve();
    view.receive(Uint8Array.of(3));
    expect(seen).toEqual([1, 2, 3]);
  });

  it('ends once, also for those who ask afterwards', async () => {
    const view = new ChannelView(carrier().link, 'x');
    const seen: string[] = [];
    view.onClose(({ kind }) => seen.push(`before ${kind}`));
    view.end(end);
    view.end({ kind: 'local', message: '' });
    view.onClose(({ kind }) => seen.push(`after ${kind}`));
    expect(seen).toEqual(['before reset']);
    await Promise.resolve();
    expect(seen).toEqual(['before reset', 'after reset']);
  });

  it('names its channel once, and sends nothing while the link is not up', () => {
    const up = carrier();
    const view = new ChannelView(up.link, 'x');
    expect([view.send(frame), view.send(frame)]).toEqual([true, true]);
    expect(up.announced).toEqual(['x']);
    expect(up.sent.map(([id]) => id)).toEqual([0, 0]);
    const down = carrier(false);
    expect(new ChannelView(down.link, 'x').send(frame)).toBe(false);
    expect(down.announced).toEqual([]);
  });

  it('says so when more waits than may: frames, or bytes', () => {
    const many = new ChannelView(carrier().link, 'x');
    for (let at = 0; at < peerLimits.waitingFramesMax; at++) expect(many.receive(frame)).toBeUndefined();
    expect(many.receive(frame)).toMatchObject({ code: 'CHANNEL_OVERRUN' });
    const large = new ChannelView(carrier().link, 'x');
    expect(large.receive(new Uint8Array(peerLimits.waitingBytesMax))).toBeUndefined();
    expect(large.receive(frame)).toMatchObject({ code: 'CHANNEL_OVERRUN' });
  });
});
