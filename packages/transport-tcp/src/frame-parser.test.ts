import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameHeaderBytes, frameKind } from './frame-format.ts';
import { FrameParser } from './frame-parser.ts';

const frameBytesMax = 100_000;

function encode(kind: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt32BE(payload.length);
  header[4] = kind;
  return Buffer.concat([header, payload]);
}

function parse(chunks: readonly Buffer[]): { frames: string[]; problem: string | undefined; isMidFrame: boolean } {
  const frames: string[] = [];
  const parser = new FrameParser(frameBytesMax, (kind, bytes, start, end) => {
    frames.push(`${kind} ${bytes.toString('hex', start, end)}`);
    return true;
  });
  for (const chunk of chunks) {
    const problem = parser.push(chunk);
    if (problem !== undefined) return { frames, problem, isMidFrame: parser.isMidFrame };
  }
  return { frames, problem: undefined, isMidFrame: parser.isMidFrame };
}

describe('frame parser', () => {
  it('finds the same frames however the stream is cut', () => {
    const frame = fc.tuple(
      fc.constantFrom(frameKind.text, frameKind.binary),
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.integer({ min: 0, max: 90_000 }).map((size) => new Uint8Array(size)),
      ),
    );
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(([kind, payload]) => encode(kind, payload)));
        const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
        const chunks = places.slice(1).map((end, index) => stream.subarray(places[index], end));
        const found = parse(chunks);
        expect(found.problem).toBeUndefined();
        expect(found.isMidFrame).toBe(false);
        expect(found.frames).toEqual(
          frames.map(([kind, payload]) => `${kind} ${Buffer.from(payload).toString('hex')}`),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('finds them byte by byte', () => {
    const stream = Buffer.concat([
      encode(1, Buffer.from('one')),
      encode(9, Buffer.alloc(0)),
      encode(2, Buffer.from('two')),
    ]);
    const found = parse([...stream].map((byte) => Buffer.from([byte])));
    expect(found.frames).toEqual(['1 6f6e65', '9 ', '2 74776f']);
  });

  it('hands out a frame that lies in one chunk without copying it', () => {
    const chunk = encode(2, Buffer.from('payload'));
    let seen: Buffer | undefined;
    new FrameParser(frameBytesMax, (_kind, bytes) => {
      seen = bytes;
      return true;
    }).push(chunk);
    expect(seen).toBe(chunk);
  });

  it('sets nothing aside for a length that is only announced, and copies each byte a bounded number of times', () => {
    const announced = encode(2, new Uint8Array(0));
    announced.writeUInt32BE(2 ** 30);
    const before = process.memoryUsage().arrayBuffers;
    const parsers = Array.from({ length: 50 }, () => {
      const parser = new FrameParser(2 ** 30, () => true);
      parser.push(announced);
      return parser;
    });
    expect(parsers.every(({ isMidFrame }) => isMidFrame)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
  });

  it.each([
    ['above the limit', encode(2, new Uint8Array(frameBytesMax + 1)), /100001 bytes, more than frameBytesMax/],
    ['of unknown kind', encode(3, new Uint8Array(0)), /unknown kind 3/],
    ['what a browser says', Buffer.from('GET / HTTP/1.1\r\n'), /lic client/],
    ['a ping with a payload', encode(9, new Uint8Array(1)), /control frame/],
  ])('refuses a frame %s as soon as its header is there, also in pieces', (_name, bytes, message) => {
    const good = encode(1, Buffer.from('good'));
    const header = bytes.subarray(0, frameHeaderBytes);
    for (const chunks of [[Buffer.concat([good, header])], [good, ...[...header].map((byte) => Buffer.from([byte]))]]) {
      const found = parse(chunks);
      expect(found.frames).toEqual(['1 676f6f64']);
      expect(found.problem).toMatch(message);
    }
  });

  it('stops within a chunk where the sink says so', () => {
    let frames = 0;
    const parser = new FrameParser(frameBytesMax, () => ++frames < 2);
    const frame = encode(1, Buffer.from('x'));
    parser.push(Buffer.concat([frame, frame, frame]));
    expect(frames).toBe(2);
  });
});
