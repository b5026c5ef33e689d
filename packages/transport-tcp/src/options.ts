import type { LookupFunction } from 'node:net';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { LicError } from '@lic/interfaces';

/** Bounds and waits of every connection; each has its unit in its name. */
export interface TcpLimits {
  /** One frame's payload in bytes; a text frame counts in UTF-8. Sending more throws, receiving more is `protocol`. */
  readonly frameBytesMax: number;
  /** `send` answers `false` while more than this is buffered. */
  readonly highWaterBytes: number;
  /** `drained` resolves once no more than this is buffered. */
  readonly lowWaterBytes: number;
  /** A send that makes the buffer larger than this ends the connection: `overrun`. */
  readonly sendBufferBytesMax: number;
  /** Connections accepted at once where `listen` names no other bound, those in their TLS handshake included. */
  readonly connectionsMax: number;
  /** How long a dial may take, look-up and TLS handshake included. */
  readonly dialMsMax: number;
  /** How long an accepted connection may take for its TLS handshake. */
  readonly handshakeMsMax: number;
  /** How long `close` waits for what was sent to go out and for the other side to end. */
  readonly lingerMsMax: number;
  /** Silence after which the other side is probed. */
  readonly pingAfterMs: number;
  /** Silence after which the connection ends: `timeout`. Noticed at most `pingAfterMs` later. At least twice that. */
  readonly silenceMsMax: number;
}

/** What `tcp` takes. */
export interface TcpOptions extends Partial<TcpLimits> {
  /** For `tls:` addresses. Listening needs a key and a certificate; dialling checks the other side's as Node does. */
  readonly tls?: {
    /** Node's options for dialling: `ca`, `servername`, `checkServerIdentity`, …; TLS 1.3 unless they say otherwise. */
    readonly dial?: ConnectionOptions;
    /** Node's options for listening: `key`, `cert`, `requestCert`, …; TLS 1.3 unless they say otherwise. */
    readonly listen?: TlsOptions;
  };
  /** Finds a host's address. Default: the system's resolver. */
  readonly lookup?: LookupFunction;
}

/** What applies where {@link TcpOptions} says nothing. */
export const tcpDefaults: TcpLimits = {
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
export function limitsOf(options: TcpOptions): TcpLimits {
  const names = Object.keys(tcpDefaults) as (keyof TcpLimits)[];
  const limits = Object.fromEntries(
    names.map((name) => [name, options[name] ?? tcpDefaults[name]]),
  ) as unknown as TcpLimits;
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
  return new LicError('OPTION_INVALID', `options of the tcp transport: ${message}`);
}
