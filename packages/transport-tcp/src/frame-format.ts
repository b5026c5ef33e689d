/**
 * On the wire a frame is its payload's length (4 bytes, big-endian), its kind (1 byte) and the payload. Kinds are
 * numbered as WebSocket opcodes are (RFC 6455, 5.2).
 */
export const frameHeaderBytes = 5;

/** The kinds of frames. `end`, `ping` and `pong` have no payload. */
export const frameKind = {
  /** UTF-8. */
  text: 1,
  binary: 2,
  /** The sender closes in order: nothing follows but the end of the stream. TLS's own end is not visible in Node. */
  end: 8,
  /** Asks for a `pong`. */
  ping: 9,
  pong: 10,
} as const;

/** A frame without payload, whole. */
export function controlFrame(kind: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, kind);
}
