import {
  errorCode,
  errorMessage,
  isLicError,
  LicError,
  type PeerId,
  type PeerLink,
  type PeerNetwork,
  type Runtime,
} from '@lic/interfaces';
import { z } from 'zod';

/** JSON values, as they go over a peer link. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Requests and answers among servers, over one channel of the peer network (status, forwarding, reload checks). */
export interface PeerCalls {
  /** Asks `peer`; rejects with the peer's own `LicError`, or `PEER_UNREACHABLE` / `PEER_TIMEOUT` / `PEER_BUSY`. */
  call(peer: PeerId, method: string, params: Json, timeoutMs: number): Promise<Json>;
  /** Answers calls of `method`. */
  handle(method: string, handler: (params: Json, from: PeerId) => Promise<Json> | Json): void;
}

/** Bounds of calls; what goes past one is refused with `PEER_BUSY` or `CALL_TOO_LARGE`. */
export const callLimits = {
  /** Calls to, and calls from, one peer at once. */
  inFlightMax: 256,
  /** One request or answer, UTF-8 bytes. */
  messageBytesMax: 2 * 1024 * 1024,
} as const;

const id = z.int().min(0);
const requestSchema = z.strictObject({ id, method: z.string().min(1).max(64), params: z.json() });
const answerSchema = z.union([
  z.strictObject({ id, result: z.json() }),
  z.strictObject({
    id,
    error: z.strictObject({
      code: z.string().max(64),
      message: z.string(),
      retryable: z.boolean(),
      details: z.record(z.string(), z.json()),
    }),
  }),
]);
const messageSchema = z.union([requestSchema, answerSchema]);
type Message = z.infer<typeof messageSchema>;

interface Pending {
  resolve(result: Json): void;
  reject(error: LicError): void;
}

/** Makes the calls of one server, on channel `calls` of its network. */
export function createPeerCalls(network: PeerNetwork, { runtime }: { readonly runtime: Runtime }): PeerCalls {
  const links = new Map<PeerId, { readonly link: PeerLink; readonly pending: Map<number, Pending> }>();
  const handlers = new Map<string, (params: Json, from: PeerId) => Promise<Json> | Json>();
  let calls = 0;

  network.channel('calls').onLink((link) => {
    const pending = new Map<number, Pending>();
    const entry = { link, pending };
    let answering = 0;
    links.set(link.peer, entry);
    link.onClose(({ message }) => {
      if (links.get(link.peer) === entry) links.delete(link.peer);
      for (const call of [...pending.values()]) call.reject(unreachable(link.peer, message));
    });
    const answer = async (requestId: number, method: string, params: Json) => {
      answering++;
      link.send(encodeAnswer(requestId, await outcomeOf(method, params, link.peer, answering)));
      answering--;
    };
    link.onFrame((frame) => {
      const message = decode(frame);
      if (message === undefined) return;
      if ('method' in message) void answer(message.id, message.method, message.params);
      else if ('error' in message) pending.get(message.id)?.reject(errorFrom(message.error));
      else pending.get(message.id)?.resolve(message.result);
    });
  });

  const outcomeOf = async (
    method: string,
    params: Json,
    from: PeerId,
    answering: number,
  ): Promise<{ result: Json } | { error: unknown }> => {
    const handler = handlers.get(method);
    if (handler === undefined) {
      return {
        error: new LicError('METHOD_UNKNOWN', `This server answers no calls of "${method}" now.`, { retryable: true }),
      };
    }
    if (answering > callLimits.inFlightMax) return { error: busy(from) };
    try {
      return { result: await handler(params, from) };
    } catch (error) {
      return { error };
    }
  };

  return {
    handle: (method, handler) => void handlers.set(method, handler),
    call(peer, method, params, timeoutMs) {
      const entry = links.get(peer);
      if (entry === undefined) return Promise.reject(unreachable(peer, 'there is no link to it'));
      const { link, pending } = entry;
      if (pending.size >= callLimits.inFlightMax) return Promise.reject(busy(peer));
      const requestId = calls++;
      const frame = encode({ id: requestId, method, params });
      if (frame.length > callLimits.messageBytesMax) return Promise.reject(tooLarge(frame.length));
      return new Promise<Json>((resolve, reject) => {
        const done = () => {
          pending.delete(requestId);
          timer.cancel();
        };
        const timer = runtime.setTimer(timeoutMs, () => {
          done();
          reject(
            new LicError('PEER_TIMEOUT', `${peer} did not answer "${method}" within ${timeoutMs} ms.`, {
              retryable: true,
            }),
          );
        });
        pending.set(requestId, {
          resolve(result) {
            done();
            resolve(result);
          },
          reject(error) {
            done();
            reject(error);
          },
        });
        link.send(frame);
      });
    },
  };
}

function encode(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

function encodeAnswer(requestId: number, outcome: { result: Json } | { error: unknown }): Uint8Array {
  if ('result' in outcome) {
    const frame = encode({ id: requestId, result: outcome.result });
    return frame.length <= callLimits.messageBytesMax
      ? frame
      : encodeAnswer(requestId, { error: tooLarge(frame.length) });
  }
  const { error } = outcome;
  const [retryable, details] = isLicError(error) ? [error.retryable, error.details] : [false, {}];
  return encode({ id: requestId, error: { code: errorCode(error), message: errorMessage(error), retryable, details } });
}

/** What is no message is dropped: the peer is authentic, so it can only be a newer one's. */
function decode(frame: Uint8Array): Message | undefined {
  if (frame.length > callLimits.messageBytesMax) return undefined;
  try {
    return messageSchema.parse(JSON.parse(new TextDecoder().decode(frame)));
  } catch {
    return undefined;
  }
}

function errorFrom({ code, message, retryable, details }: Extract<Message, { error: unknown }>['error']): LicError {
  return new LicError(code, message, { retryable, details });
}

function unreachable(peer: PeerId, why: string): LicError {
  return new LicError('PEER_UNREACHABLE', `${peer} can't be reached: ${why}`, { retryable: true, details: { peer } });
}

function busy(peer: PeerId): LicError {
  return new LicError('PEER_BUSY', `More than ${callLimits.inFlightMax} calls are in flight with ${peer}.`, {
    retryable: true,
  });
}

function tooLarge(bytes: number): LicError {
  return new LicError(
    'CALL_TOO_LARGE',
    `A call of ${bytes} bytes was refused: at most ${callLimits.messageBytesMax} are sent.`,
  );
}
