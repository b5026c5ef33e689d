import { once } from 'node:events';
import { connect as connectRaw, type Socket } from 'node:net';
import { type CloseReason, type Connection, type Frame, silentLogger } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { describe, expect, it } from 'vitest';
import type { TcpOptions } from './options.ts';
import { tcp } from './tcp.ts';

interface RawPair {
  /** What a stranger holds. */
  readonly raw: Socket;
  readonly connection: Connection;
  readonly frames: Frame[];
  readonly ended: Promise<CloseReason>;
}

/** A plain socket against a connection of ours. */
async function rawPair(options: TcpOptions, body: (pair: RawPair) => Promise<void>): Promise<void> {
  const transport = tcp(options)({ runtime, logger: silentLogger });
  let accepted: (connection: Connection) => void = () => {};
  const next = new Promise<Connection>((resolve) => {
    accepted = resolve;
  });
  const listener = await transport.listen('tcp://127.0.0.1:0', { onConnection: accepted });
  const raw = connectRaw(Number(listener.address.split(':').at(-1)), '127.0.0.1');
  raw.on('error', () => {});
  const connection = await next;
  const frames: Frame[] = [];
  const ended = new Promise<CloseReason>((resolve) => connection.onClose(resolve));
  connection.onFrame((frame) => frames.push(frame));
  try {
    await body({ raw, connection, frames, ended });
  } finally {
    raw.destroy();
    connection.abort();
    await listener.close();
  }
}

function frame(kind: number, payload: string | Uint8Array = ''): Buffer {
  const body = Buffer.from(payload);
  return Buffer.concat([Buffer.from([0, 0, 0, body.length, kind]), body]);
}

// First: it counts the sockets of this process.
describe('tcp connection and its process', () => {
  /** Sockets that keep this process alive. */
  const keptAlive = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

  it('keeps it alive unless told otherwise, and its timers never do', async () => {
    const transport = tcp()({ runtime, logger: silentLogger });
    const accepted: Connection[] = [];
    const listener = await transport.listen('tcp://127.0.0.1:0', { onConnection: (one) => accepted.push(one) });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const timersBefore = timers();
    const before = keptAlive();
    const connection = await transport.dial(listener.address);
    const both = keptAlive();
    expect(both).toBeGreaterThan(before);
    connection.setKeepAlive(false);
    expect(keptAlive()).toBe(both - 1);
    connection.setKeepAlive(true);
    expect(keptAlive()).toBe(both);
    expect(timers()).toBe(timersBefore);
    const gone = new Promise((resolve) => connection.onClose(resolve));
    connection.abort();
    await gone;
    for (const one of accepted) one.abort();
    await listener.close();
  });
});

describe('tcp connection and a stranger', () => {
  it('takes a bare FIN as an orderly end', () =>
    rawPair({}, async ({ raw, frames, ended }) => {
      raw.end(frame(1, 'last words'));
      expect((await ended).kind).toBe('orderly');
      expect(frames).toEqual(['last words']);
    }));

  it('takes a FIN in the middle of a frame as a reset', () =>
    rawPair({}, async ({ raw, ended }) => {
      raw.end(frame(1, 'cut off').subarray(0, 7));
      expect((await ended).kind).toBe('reset');
    }));

  it('takes the end frame as an orderly end, though a reset follows', () =>
    rawPair({}, async ({ raw, ended }) => {
      raw.write(frame(8), () => raw.resetAndDestroy());
      expect((await ended).kind).toBe('orderly');
    }));

  it('ends with FIN, after all that was sent and the end frame', () =>
    rawPair({}, async ({ raw, connection, ended }) => {
      const chunks: Buffer[] = [];
      raw.on('data', (chunk) => chunks.push(chunk));
      connection.send('bye');
      connection.close();
      await once(raw, 'end');
      expect(Buffer.concat(chunks)).toEqual(Buffer.concat([frame(1, 'bye'), frame(8)]));
      expect((await ended).kind).toBe('local');
    }));

  it.each([
    ['text that is not UTF-8', frame(1, Uint8Array.of(0x61, 0xff))],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['a TLS handshake', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1])],
  ])('ends with protocol on %s', (_name, bytes) =>
    rawPair({}, async ({ raw, frames, ended }) => {
      raw.write(Buffer.concat([frame(1, 'good'), bytes]));
      expect((await ended).kind).toBe('protocol');
      expect(frames).toEqual(['good']);
    }),
  );

  it('takes U+FFFD for what it is', () =>
    rawPair({}, async ({ raw, frames, ended }) => {
      raw.end(frame(1, '\ufffd'));
      await ended;
      expect(frames).toEqual(['\ufffd']);
    }));

  it('answers a flood of pings with a few pongs', () =>
    rawPair({}, async ({ raw, connection }) => {
      let answered = 0;
      raw.on('data', (chunk) => {
        answered += chunk.length;
      });
      raw.write(Buffer.concat(Array.from({ length: 50_000 }, () => frame(9))));
      raw.write(frame(1, 'done'));
      await new Promise<void>((resolve) => connection.onFrame(() => resolve()));
      connection.close();
      await once(raw, 'end');
      expect(answered).toBeGreaterThan(0);
      expect(answered).toBeLessThan(5 * 200);
    }));

  it('writes what one turn sends together', () =>
    rawPair({}, async ({ raw, connection }) => {
      let chunks = 0;
      let bytes = 0;
      const all = new Promise<void>((resolve) =>
        raw.on('data', (chunk) => {
          chunks++;
          bytes += chunk.length;
          if (bytes === 1_000 * 15) resolve();
        }),
      );
      for (let number = 0; number < 1_000; number++) connection.send('0123456789');
      await all;
      expect(chunks).toBe(1);
    }));
});
