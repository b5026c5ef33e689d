import {
  type Connection,
  type Frame,
  isLicError,
  LicError,
  type PeerId,
  type Runtime,
  type SignatureScheme,
} from '@lic/interfaces';
import {
  decodeControl,
  decodeHello,
  encodeBytes,
  encodeControl,
  encodeHello,
  frameTooLarge,
  frameType,
  type Hello,
  peerLimits,
  refuseSchema,
  shortKey,
  transcript,
} from './peer-frames.ts';

/** Who this server is in a handshake. */
export interface HandshakeSelf {
  readonly publicKey: PeerId;
  readonly privateKeyPem: string;
  readonly bootId: string;
  /** The triad instance now, or null while forming. */
  instance(): string | null;
  /** Whether links are taken from that key now. */
  isMember(peer: PeerId): boolean;
}

/** What a handshake runs on. */
export interface HandshakeOptions {
  readonly runtime: Runtime;
  readonly scheme: SignatureScheme;
  readonly self: HandshakeSelf;
  readonly connection: Connection;
  /** The peer that was dialled; null on an accepted connection. */
  readonly dialled: PeerId | null;
  /** On an accepted connection: its first frame, read by whoever told client from peer. */
  readonly firstFrame?: Uint8Array;
  /** Gives up and closes the connection. */
  readonly signal?: AbortSignal;
}

/** A connection whose other end has proved its identity key, for this connection alone. */
export interface ProvenConnection {
  readonly connection: Connection;
  readonly peer: PeerId;
  readonly bootId: string;
  /** The triad instance that the peer named. */
  readonly instance: string | null;
  /** The one that this side named: it may have been told another since. */
  readonly instanceTold: string | null;
  readonly isDialled: boolean;
  /** Takes over the connection's frames, those that came meanwhile first. */
  receive(receiver: (frame: Frame) => void): void;
}

/**
 * Proves both ends to each other: each sends a hello with a fresh nonce, then its signature over both hellos
 * (docs/peer-protocol.md). Rejects with a `LicError` whose code says why, `details.peer` whom the other claimed to be;
 * the connection is closed then, and the other side has been told the code and nothing else.
 */
export async function shakeHands(options: HandshakeOptions): Promise<ProvenConnection> {
  const { connection, runtime } = options;
  const inbox = new Inbox(connection, options.firstFrame);
  const limit = runtime.setTimer(peerLimits.handshakeMsMax, () => {
    inbox.fail(new LicError('HANDSHAKE_TIMEOUT', `No handshake within ${peerLimits.handshakeMsMax} ms.`));
  });
  const abort = () => inbox.fail(new LicError('HANDSHAKE_ABORTED', 'The handshake is not needed any more.'));
  if (options.signal?.aborted) abort();
  else options.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await exchange(options, inbox);
  } catch (error) {
    if (isLicError(error) && isTold(error.code)) connection.send(encodeControl(frameType.refuse, { code: error.code }));
    connection.close();
    throw error;
  } finally {
    limit.cancel();
    options.signal?.removeEventListener('abort', abort);
  }
}

async function exchange(
  { scheme, self, connection, dialled, runtime }: HandshakeOptions,
  inbox: Inbox,
): Promise<ProvenConnection> {
  const mine = (to: PeerId): Hello => ({
    from: self.publicKey,
    to,
    nonce: Buffer.from(runtime.random(32)).toString('base64url'),
    bootId: self.bootId,
    instance: self.instance(),
  });
  const say = (hello: Hello): Uint8Array => {
    const frame = encodeHello(hello);
    connection.send(frame);
    return frame;
  };

  let ours: Hello | undefined;
  let ourFrame: Uint8Array | undefined;
  if (dialled !== null) {
    ours = mine(dialled);
    ourFrame = say(ours);
  }
  const theirFrame = await inbox.next();
  if (theirFrame[0] === frameType.refuse) throw refusedThere(theirFrame, dialled);
  const theirs = decodeHello(theirFrame);
  checkHello(theirs, self, dialled);
  if (ours === undefined || ourFrame === undefined) {
    ours = mine(theirs.from);
    ourFrame = say(ours);
  }

  const isInitiator = dialled !== null;
  const hellos: [Uint8Array, Uint8Array] = isInitiator ? [ourFrame, theirFrame] : [theirFrame, ourFrame];
  const prove = async (): Promise<void> => {
    const signed = transcript(isInitiator ? 'initiator' : 'responder', ...hellos);
    connection.send(encodeBytes(frameType.proof, await scheme.sign(self.privateKeyPem, signed)));
  };
  const check = async (): Promise<void> => {
    const frame = await inbox.next();
    if (frame[0] === frameType.refuse) throw refusedThere(frame, theirs.from);
    if (frame[0] !== frameType.proof) throw garbage('Expected a proof after the hello.', theirs.from);
    const signed = transcript(isInitiator ? 'responder' : 'initiator', ...hellos);
    if (await scheme.verify(theirs.from, signed, frame.subarray(1))) return;
    throw new LicError('PROOF_INVALID', `Whoever claims to be ${shortKey(theirs.from)} could not prove it.`, {
      details: { peer: theirs.from },
    });
  };
  // One of the two has to begin: the responder, whose hello goes with its proof.
  if (isInitiator) await check();
  await prove();
  if (!isInitiator) await check();
  inbox.assertSound();
  return {
    connection,
    peer: theirs.from,
    bootId: theirs.bootId,
    instance: theirs.instance,
    instanceTold: ours.instance,
    isDialled: dialled !== null,
    receive: (receiver) => inbox.handOver(receiver),
  };
}

function checkHello(hello: Hello, self: HandshakeSelf, dialled: PeerId | null): void {
  const refuse = (code: string, message: string) => new LicError(code, message, { details: { peer: hello.from } });
  if (hello.from === self.publicKey) {
    throw hello.bootId === self.bootId
      ? refuse('SELF_CONNECTION', 'This server reached itself: an address of another member leads here. Correct it.')
      : refuse('SELF_CONNECTION', "Another process claims this server's own identity key.");
  }
  if (dialled !== null && hello.from !== dialled) {
    throw refuse(
      'WRONG_KEY',
      `Expected ${shortKey(dialled)} at this address, found ${shortKey(hello.from)}. Correct the address.`,
    );
  }
  if (!self.isMember(hello.from)) {
    throw refuse('UNKNOWN_KEY', `The license names no server with the key ${hello.from}.`);
  }
  if (hello.to !== self.publicKey) {
    throw refuse(
      'WRONG_RECEIVER',
      `The peer looks for ${shortKey(hello.to)} at this server's address. Correct it there.`,
    );
  }
  const instance = self.instance();
  if (instance !== null && hello.instance !== null && hello.instance !== instance) {
    throw refuse(
      'OTHER_INSTANCE',
      `The peer belongs to triad instance ${hello.instance}, this server to ${instance}. One of the two data folders is not of this triad.`,
    );
  }
}

/** Codes that the other side is told, so that its administrator finds the cause there too. */
function isTold(code: string): boolean {
  return !['HANDSHAKE_CLOSED', 'HANDSHAKE_ABORTED'].includes(code) && !code.startsWith('PEER_SAYS_');
}

function refusedThere(frame: Uint8Array, peer: PeerId | null): LicError {
  const { code } = decodeControl(refuseSchema, frame);
  const hint = code === 'UNKNOWN_KEY' ? " Its license names no server with this server's key." : '';
  return new LicError(`PEER_SAYS_${code}`, `The other side refuses the link: ${code}.${hint}`, { details: { peer } });
}

function garbage(message: string, peer: PeerId | null): LicError {
  return new LicError('FRAME_GARBAGE', message, { details: { peer } });
}

/** The frames of a connection, one by one, bounded; what is left goes to the link. */
class Inbox {
  readonly #connection: Connection;
  #frames: Uint8Array[] = [];
  #waiting: { resolve(frame: Uint8Array): void; reject(error: LicError): void } | undefined;
  #failure: LicError | undefined;

  constructor(connection: Connection, firstFrame: Uint8Array | undefined) {
    this.#connection = connection;
    if (firstFrame !== undefined) this.#take(firstFrame);
    connection.onFrame((frame) => this.#take(frame));
    connection.onClose((reason) =>
      this.fail(new LicError('HANDSHAKE_CLOSED', `Closed during the handshake: ${reason.message}`)),
    );
  }

  next(): Promise<Uint8Array> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  fail(failure: LicError): void {
    this.#failure ??= failure;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  assertSound(): void {
    if (this.#failure !== undefined && this.#failure.code !== 'HANDSHAKE_CLOSED') throw this.#failure;
  }

  handOver(receiver: (frame: Frame) => void): void {
    const kept = this.#frames;
    this.#frames = [];
    for (const frame of kept) receiver(frame);
    this.#connection.onFrame(receiver);
  }

  #take(frame: Frame): void {
    if (this.#failure !== undefined) return;
    const refusal = refusalOf(frame, this.#frames.length);
    if (refusal !== undefined) this.fail(refusal);
    else if (this.#waiting === undefined) this.#frames.push(frame as Uint8Array);
    else {
      this.#waiting.resolve(frame as Uint8Array);
      this.#waiting = undefined;
    }
  }
}

function refusalOf(frame: Frame, waitingFrames: number): LicError | undefined {
  if (typeof frame === 'string') return garbage('A text frame came within a peer handshake.', null);
  if (waitingFrames >= peerLimits.handshakeFramesMax) return garbage('More frames came than a handshake has.', null);
  return frame.length > peerLimits.controlBytesMax
    ? frameTooLarge(frame.length, peerLimits.controlBytesMax)
    : undefined;
}
