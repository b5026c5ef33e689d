import { LicError, type PeerId } from '@lic/interfaces';
import { z } from 'zod';

/** Bounds of what one peer connection may make this server keep. Each is tested by going past it. */
export const peerLimits = {
  /** A frame of the handshake, or a control frame, in bytes. */
  controlBytesMax: 1024,
  /** Frames that may wait unread while a handshake's signature is checked: more is no peer of ours. */
  handshakeFramesMax: 4,
  /** From the connection's beginning to the link, ms; then it is closed (a peer that sends byte after byte, slowly). */
  handshakeMsMax: 3_000,
  /** Accepted connections that have proved nothing yet; one more closes the oldest. */
  handshakesMax: 64,
  /** One frame of a link in bytes, header included. */
  frameBytesMax: 16 * 1024 * 1024,
  /** Channels on one link. */
  channelsMax: 64,
  channelNameCharsMax: 32,
  /** Frames that wait on one channel for its receiver; one more closes the link. */
  waitingFramesMax: 4_096,
  /** Bytes that wait on one channel for its receiver; more closes the link. */
  waitingBytesMax: 32 * 1024 * 1024,
} as const;

/** The version of the peer protocol; a peer of another one gets no link. */
export const peerProtocolVersion = 1;

/** What every signature of a peer handshake is over, first: no other signature of an identity key can stand for it. */
export const peerContext = 'lic-peer-1';

/** The first byte of a binary frame. */
export const frameType = {
  hello: 0x01,
  proof: 0x02,
  refuse: 0x03,
  ready: 0x04,
  up: 0x05,
  ping: 0x06,
  pong: 0x07,
  notice: 0x08,
  channel: 0x09,
  instance: 0x0a,
  data: 0x10,
} as const;

const magic = new TextEncoder().encode('LICP');
const helloHeaderBytes = 1 + magic.length + 1;
/** Type and channel id: what goes before the payload of a data frame. */
export const dataHeaderBytes = 2;

const key = z.string().min(1).max(128);
const instanceSchema = z.string().min(1).max(64);

const helloSchema = z.strictObject({
  from: key,
  to: key,
  /** 32 random bytes, base64url. */
  nonce: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  bootId: z.string().min(1).max(64),
  /** The triad instance, or null while forming. */
  instance: instanceSchema.nullable(),
});

/** Who speaks, to whom, from which process and triad. */
export type Hello = z.infer<typeof helloSchema>;

/** The first frame of a connection between peers: type, magic, version, JSON. */
export function encodeHello(hello: Hello): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(hello));
  const frame = new Uint8Array(helloHeaderBytes + body.length);
  frame[0] = frameType.hello;
  frame.set(magic, 1);
  frame[1 + magic.length] = peerProtocolVersion;
  frame.set(body, helloHeaderBytes);
  return frame;
}

/** Reads a hello. Throws `FRAME_GARBAGE`, or `PROTOCOL_VERSION` where it is one of another version. */
export function decodeHello(frame: Uint8Array): Hello {
  if (frame[0] !== frameType.hello || !magic.every((byte, at) => frame[1 + at] === byte)) {
    throw new LicError('FRAME_GARBAGE', 'The first frame is not the hello of a peer.');
  }
  const version = frame[1 + magic.length];
  if (version !== peerProtocolVersion) {
    throw new LicError(
      'PROTOCOL_VERSION',
      `The peer speaks version ${String(version)} of the peer protocol, this server version ${peerProtocolVersion}.`,
      { details: { theirs: version, ours: peerProtocolVersion } },
    );
  }
  return decodeJson(helloSchema, frame.subarray(helloHeaderBytes), 'hello');
}

/**
 * What the server in `role` signs: the context, its role, and both hellos byte by byte, so both keys, nonces and boot
 * ids and the instance. A proof is thus worth nothing on any other connection, between any other pair, or turned round.
 */
export function transcript(role: HandshakeRole, initiatorHello: Uint8Array, responderHello: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${peerContext}\0${role}\0`);
  const bytes = new Uint8Array(head.length + 4 + initiatorHello.length + 4 + responderHello.length);
  const view = new DataView(bytes.buffer);
  bytes.set(head, 0);
  let at = head.length;
  for (const hello of [initiatorHello, responderHello]) {
    view.setUint32(at, hello.length);
    bytes.set(hello, at + 4);
    at += 4 + hello.length;
  }
  return bytes;
}

/** Who opened the connection, and who accepted it. */
export type HandshakeRole = 'initiator' | 'responder';

/** A frame of one type with raw bytes behind it. */
export function encodeBytes(type: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + bytes.length);
  frame[0] = type;
  frame.set(bytes, 1);
  return frame;
}

/** Why a connection is refused: a code, told to the other side, which believes it only as far as a log line. */
export const refuseSchema = z.strictObject({ code: z.string().regex(/^[A-Z_]{1,40}$/) });
/** What a linked peer is told about the link itself. */
export const noticeSchema = z.strictObject({ kind: z.enum(['replaced', 'renewing', 'identity-in-use', 'stopping']) });
export const pingSchema = z.strictObject({ id: z.int().min(0) });
/** From now on data frames with this id belong to the channel of that name. */
export const channelSchema = z.strictObject({
  id: z.int().min(0).max(255),
  name: z.string().min(1).max(peerLimits.channelNameCharsMax),
});
/** The sender's triad has formed, or the sender has learned of it. */
export const instanceFrameSchema = z.strictObject({ instance: instanceSchema });

export type NoticeKind = z.infer<typeof noticeSchema>['kind'];

/** A control frame: type and JSON. */
export function encodeControl(type: number, body: object): Uint8Array {
  return encodeBytes(type, new TextEncoder().encode(JSON.stringify(body)));
}

/** Reads a control frame's JSON. Throws `FRAME_GARBAGE`. */
export function decodeControl<Schema extends z.ZodType>(schema: Schema, frame: Uint8Array): z.infer<Schema> {
  return decodeJson(schema, frame.subarray(1), `frame of type ${String(frame[0])}`);
}

/** A data frame. The one copy that a payload costs on its way out. */
export function encodeData(channel: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(dataHeaderBytes + payload.length);
  frame[0] = frameType.data;
  frame[1] = channel;
  frame.set(payload, dataHeaderBytes);
  return frame;
}

/** A frame went past a bound. */
export function frameTooLarge(bytes: number, bytesMax: number): LicError {
  return new LicError('FRAME_TOO_LARGE', `A peer sent a frame of ${bytes} bytes; at most ${bytesMax} are taken.`);
}

const strictText = new TextDecoder('utf-8', { fatal: true });

function decodeJson<Schema extends z.ZodType>(schema: Schema, bytes: Uint8Array, what: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(strictText.decode(bytes));
  } catch (cause) {
    throw new LicError('FRAME_GARBAGE', `A peer's ${what} is not JSON.`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new LicError('FRAME_GARBAGE', `A peer's ${what} is malformed: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

/** A key as short as log lines want it. */
export function shortKey(peer: PeerId): string {
  return peer.length > 20 ? `${peer.slice(0, 20)}…` : peer;
}
