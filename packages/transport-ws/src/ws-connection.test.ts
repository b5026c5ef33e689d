import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect as connectRaw, type Socket } from 'node:net';
import {
  type CloseReason,
  type Connection,
  type Frame,
  isLicError,
  type Listener,
  silentLogger,
} from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { WsOptions } from './node/options.ts';
import { ws } from './node/ws.ts';

interface StrangerPair {
  /** What any other WebSocket client holds. */
  readonly stranger: WebSocket;
  readonly connection: Connection;
  readonly frames: Frame[];
  readonly ended: Promise<CloseReason>;
}

const context = { runtime, logger: silentLogger };

async function listening(options: WsOptions, body: (listener: Listener, next: Promise<Connection>) => Promise<void>) {
  let accepted: (connection: Connection) => void = () => {};
  const next = new Promise<Connection>((resolve) => {
    accepted = resolve;
  });
  const listener = await ws(options)(context).listen('ws://127.0.0.1:0', { onConnection: accepted });
  try {
    await body(listener, next);
  } finally {
    await listener.close();
  }
}

function withStranger(options: WsOptions, body: (pair: StrangerPair) => Promise<void>): Promise<void> {
  return listening(options, async (listener, next) => {
    const stranger = new WebSocket(listener.address);
    stranger.on('error', () => {});
    const connection = await next;
    const frames: Frame[] = [];
    const ended = new Promise<CloseReason>((resolve) => connection.onClose(resolve));
    connection.onFrame((frame) => frames.push(frame));
    if (stranger.readyState !== WebSocket.OPEN) await once(stranger, 'open');
    try {
      await body({ stranger, connection, frames, ended });
    } finally {
      stranger.terminate();
      connection.abort();
    }
  });
}

/** The socket under a WebSocket of ws, which has no name for it in public. */
function socketOf(webSocket: WebSocket): Socket {
  return (webSocket as unknown as { _socket: Socket })._socket;
}

describe('ws connection and a stranger', () => {
  it('speaks text and binary messages without compression', () =>
    withStranger({}, async ({ stranger, connection, ended, frames }) => {
      expect(stranger.extensions).toBe('');
      const seen: unknown[] = [];
      stranger.on('message', (data: Buffer, isBinary) => seen.push([data.toString(), isBinary]));
      connection.send('text');
      connection.send(Buffer.from('bytes'));
      connection.close();
      const [code] = (await once(stranger, 'close')) as [number];
      expect(code).toBe(1000);
      expect(seen).toEqual([
        ['text', false],
        ['bytes', true],
      ]);
      expect((await ended).kind).toBe('local');
      expect(frames).toEqual([]);
    }));

  it.each([
    ['1000, done', (one: WebSocket) => one.close(1000), 'orderly'],
    ['1001, going away', (one: WebSocket) => one.close(1001), 'orderly'],
    ['no code', (one: WebSocket) => one.close(), 'orderly'],
    ['1009, it could not take our message', (one: WebSocket) => one.close(1009), 'reset'],
    ['4000, a code of its own', (one: WebSocket) => one.close(4000), 'orderly'],
    ['a bare FIN', (one: WebSocket) => socketOf(one).end(), 'reset'],
    ['a reset', (one: WebSocket) => socketOf(one).resetAndDestroy(), 'reset'],
    ['text that is not UTF-8', (one: WebSocket) => one.send(Uint8Array.of(0xff), { binary: false }), 'protocol'],
    ['a frame of unknown kind', (one: WebSocket) => socketOf(one).write(Uint8Array.of(0x83, 0x80)), 'protocol'],
  ])('after its last message ends by %s', (_name, end, kind) =>
    withStranger({}, async ({ stranger, frames, ended }) => {
      stranger.send('last words');
      end(stranger);
      expect((await ended).kind).toBe(kind);
      expect(frames).toEqual(['last words']);
    }),
  );

  it('writes what one turn sends together', () =>
    withStranger({}, async ({ stranger, connection }) => {
      let chunks = 0;
      socketOf(stranger).on('data', () => chunks++);
      let messages = 0;
      const all = new Promise<void>((resolve) =>
        stranger.on('message', () => {
          if (++messages === 1_000) resolve();
        }),
      );
      for (let number = 0; number < 1_000; number++) connection.send('0123456789');
      await all;
      expect(chunks).toBe(1);
    }));
});

describe('ws listener', () => {
  it('tells who asks in plain HTTP what the port is for', () =>
    listening({}, async ({ address }) => {
      const call = request(address.replace('ws:', 'http:')).end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      let body = '';
      for await (const chunk of response) body += String(chunk);
      expect(response.statusCode).toBe(426);
      expect(response.headers.upgrade).toBe('websocket');
      expect(body).toContain(`point a lic client at ${address}`);
    }));

  it('drops what does not become a WebSocket', () =>
    listening({ handshakeMsMax: 50 }, async ({ address }, next) => {
      void next.then(() => expect.unreachable());
      const dumb = connectRaw(Number(address.split(':').at(-1)), '127.0.0.1');
      dumb.on('error', () => {}).resume();
      await once(dumb, 'close');
    }));

  it('says what listening on wss needs', async () => {
    const listen = ws()(context).listen('wss://127.0.0.1:0', { onConnection: () => {} });
    await expect(listen).rejects.toThrow(/can't listen on wss:.*key and a certificate/);
  });
});

describe('ws dial', () => {
  it('fails where the other side is no WebSocket server', async () => {
    const { createServer } = await import('node:http');
    const server = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const dial = ws()(context).dial(`ws://127.0.0.1:${port}`);
    await expect(dial).rejects.toSatisfy((error) => isLicError(error, 'DIAL_FAILED') && error.retryable);
    server.close();
  });

  it('refuses options that make no sense', () => {
    expect(() => ws({ pingAfterMs: 100, silenceMsMax: 199 })).toThrow(/at least twice/);
    expect(() => ws({ lowWaterBytes: 2, highWaterBytes: 1 })).toThrow(/lowWaterBytes/);
    expect(() => ws({ frameBytesMax: 0.5 })).toThrow(/positive whole number/);
  });
});
