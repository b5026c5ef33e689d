import type { Logger } from './logger.ts';
import type { Runtime } from './runtime.ts';

/**
 * One frame. A string is a text frame: what clients speak (JSON, a WebSocket *text* message), a `Uint8Array` a binary
 * one: what peers speak. Kind, content and order arrive as they were sent.
 */
export type Frame = Uint8Array | string;

/**
 * How a connection ended.
 * - `local`: this side called `close()`.
 * - `orderly`: the other side ended it in order (TLS close_notify, FIN, WebSocket close). Only this kind may count as
 *   a client's own end (triad.md, Time, `reclaim: disconnect`).
 * - `reset`: reset, broken pipe, or any other error of the network.
 * - `timeout`: nothing was heard for the transport's silence limit, although it probed (half-open).
 * - `protocol`: the other side broke the framing, or sent a frame above the limit.
 * - `overrun`: this side sent without heeding backpressure until the send buffer's limit.
 */
export type CloseKind = 'local' | 'orderly' | 'reset' | 'timeout' | 'protocol' | 'overrun';

/** Why a connection ended. */
export interface CloseReason {
  readonly kind: CloseKind;
  /** One sentence for the log. */
  readonly message: string;
}

/** An open, ordered, framed, two-way connection. No method throws, also after the end. */
export interface Connection {
  /** The other end's address as the transport saw it, e.g. `tcp://127.0.0.1:51423`. For logs and policy, never for trust. */
  readonly remote: string;
  /**
   * Sends one frame. Answers `true` while the caller may go on, `false` once more than the high-water mark is buffered:
   * then await {@link Connection.drained} before sending more. A frame sent after the end is dropped (answer `false`).
   * A frame above the transport's `frameBytesMax` throws `FRAME_TOO_LARGE` (the one exception to "no throw": it is the caller's bug).
   * The caller must not change the bytes afterwards.
   */
  send(frame: Frame): boolean;
  /** Resolves once the send buffer is below the low-water mark, and at the end of the connection. */
  drained(): Promise<void>;
  /**
   * Sets the one receiver of frames. Until it is set, and while paused by the transport, nothing is read: frames wait
   * in order and the other side feels backpressure. Setting it again replaces it (a handshake hands over to a session).
   * Frames that were received before the end are delivered before the close event.
   */
  onFrame(receiver: (frame: Frame) => void): void;
  /** Adds a listener for the end. Every listener is called exactly once; one added after the end is called soon, not within this call. */
  onClose(listener: (reason: CloseReason) => void): void;
  /**
   * Ends the connection: what was sent before goes out first (for at most the transport's linger, 1 s), in order.
   * Idempotent. The close event comes with kind `local`.
   */
  close(): void;
  /** Ends it at once, dropping what is buffered; the other side sees a reset. Idempotent. */
  abort(): void;
  /** Whether this open connection keeps the process alive. A new connection does. */
  setKeepAlive(on: boolean): void;
}

/** What `dial` takes. */
export interface DialOptions {
  /** Gives up: the promise rejects with the signal's reason, and nothing stays behind. */
  readonly signal?: AbortSignal;
}

/** What `listen` takes. */
export interface ListenOptions {
  /** Called once for each accepted connection. */
  readonly onConnection: (connection: Connection) => void;
  /** Upper bound of connections open at once; one more is closed at once. Default: the transport's `connectionsMax`. */
  readonly connectionsMax?: number;
}

/** A bound address. */
export interface Listener {
  /** The address as bound, with the real port where 0 was asked. */
  readonly address: string;
  /** Stops accepting. Open connections live on; their owner ends them. Resolves when the address is free. Idempotent. */
  close(): Promise<void>;
}

/**
 * A way to carry frames. Errors of `dial` and `listen` are `LicError`s: `ADDRESS_INVALID` (also a scheme that is not
 * its own), `DIAL_REFUSED`, `DIAL_TIMEOUT`, `DIAL_FAILED` (anything else; retryable), `LISTEN_FAILED` (address in use or
 * not permitted; names it).
 */
export interface Transport {
  /** The URL schemes it serves, without colon: `['tcp', 'tls']`. */
  readonly schemes: readonly string[];
  /** Opens a connection to `address` (`scheme://host:port`). */
  dial(address: string, options?: DialOptions): Promise<Connection>;
  /** Binds `address`; port 0 means any free one. */
  listen(address: string, options: ListenOptions): Promise<Listener>;
}

/** What a transport is given by the one that uses it. */
export interface TransportContext {
  readonly runtime: Runtime;
  readonly logger: Logger;
}

/** What `tcp(options)` and its like return: products pass factories, the client or server gives the context. */
export type TransportFactory = (context: TransportContext) => Transport;
