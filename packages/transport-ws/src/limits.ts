import { LicError } from '@lic/interfaces';

/** Bounds and waits of every connection; each has its unit in its name. */
export interface WsLimits {
  /** One message's payload in bytes; a text message counts in UTF-8. Sending more throws, receiving more is `protocol`. */
  readonly frameBytesMax: number;
  /** `send` answers `false` while more than this is buffered. */
  readonly highWaterBytes: number;
  /** `drained` resolves once no more than this is buffered. */
  readonly lowWaterBytes: number;
  /** A send that makes the buffer larger than this ends the connection: `overrun`. */
  readonly sendBufferBytesMax: number;
  /** Connections accepted at once where `listen` names no other bound, those that have not become WebSockets included. */
  readonly connectionsMax: number;
  /** How long a dial may take, look-up and handshakes included. */
  readonly dialMsMax: number;
  /** How long an accepted connection may take to become a WebSocket. */
  readonly handshakeMsMax: number;
  /** How long `close` waits for what was sent to go out and for the other side's closing handshake. */
  readonly lingerMsMax: number;
  /** Silence after which the other side is probed. */
  readonly pingAfterMs: number;
  /** Silence after which the connection ends: `timeout`. Noticed at most `pingAfterMs` later. At least twice that. */
  readonly silenceMsMax: number;
}

/** What applies where the options say nothing. */
export const wsDefaults: WsLimits = {
  frameBytesMax: 16 * 1024 * 1024,
  highWaterBytes: 256 * 1024,
  lowWaterBytes: 64 * 1024,
  sendBufferBytesMax: 32 * 1024 * 1024,
  connectionsMax: 10_000,
  dialMsMax: 5_000,
  handshakeMsMax: 5_000,
  lingerMsMax: 1_000,
  pingAfterMs: 5_000,
  silenceMsMax: 15_000,
};

/** The limits in force. Throws `OPTION_INVALID` where they contradict each other. */
export function limitsOf(options: Partial<WsLimits>): WsLimits {
  const names = Object.keys(wsDefaults) as (keyof WsLimits)[];
  const limits = Object.fromEntries(
    names.map((name) => [name, options[name] ?? wsDefaults[name]]),
  ) as unknown as WsLimits;
  for (const name of names)
    if (!Number.isSafeInteger(limits[name]) || limits[name] < (name === 'lowWaterBytes' ? 0 : 1))
      throw invalid(`${name} is ${limits[name]}, it has to be a positive whole number`);
  const { lowWaterBytes, highWaterBytes, sendBufferBytesMax, pingAfterMs, silenceMsMax } = limits;
  if (lowWaterBytes > highWaterBytes || highWaterBytes > sendBufferBytesMax)
    throw invalid('lowWaterBytes ≤ highWaterBytes ≤ sendBufferBytesMax has to hold');
  if (silenceMsMax < 2 * pingAfterMs) throw invalid('silenceMsMax has to be at least twice pingAfterMs');
  return limits;
}

function invalid(message: string): LicError {
  return new LicError('OPTION_INVALID', `options of the ws transport: ${message}`);
}
