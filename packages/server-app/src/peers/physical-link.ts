import { type CloseReason, type Frame, isLicError, LicError, type PeerId, type Runtime } from '@lic/interfaces';
import type { z } from 'zod';
import { ChannelView, type LinkCarrier, type LinkEnd } from './channel-view.ts';
import type { ProvenConnection } from './handshake.ts';
import {
  channelSchema,
  dataHeaderBytes,
  decodeControl,
  encodeBytes,
  encodeControl,
  encodeData,
  frameTooLarge,
  frameType,
  instanceFrameSchema,
  type NoticeKind,
  noticeSchema,
  peerLimits,
  pingSchema,
} from './peer-frames.ts';

/** What a link tells its owner. */
export interface LinkOwner {
  /** The peer told us something about the link: from a proven peer, so it can be believed. */
  onNotice(link: PhysicalLink, kind: NoticeKind): void;
  /** The peer named its triad instance. */
  onInstance(link: PhysicalLink): void;
  /** It broke the protocol; the link is closed. */
  onBroken(link: PhysicalLink, error: LicError): void;
  /** The connection has closed, once. */
  onEnd(link: PhysicalLink, reason: CloseReason): void;
}

const nothing = new Uint8Array(0);

/**
 * One connection to a proven peer: carries named channels, answers probes, and passes notices. It is a candidate until
 * it is `up`: only then do channels send.
 */
export class PhysicalLink implements LinkCarrier {
  readonly peer: PeerId;
  readonly bootId: string;
  readonly isDialled: boolean;
  readonly remote: string;
  /** The triad instance that the peer named last. */
  instance: string | null;
  isUp = false;
  /** The connection has closed, or it was given up. */
  isEnded = false;
  /** The peer is about to put another link in this one's place. */
  isLeaving = false;
  readonly #proven: ProvenConnection;
  readonly #runtime: Runtime;
  readonly #owner: LinkOwner;
  readonly #views = new Map<string, ChannelView>();
  /** By the peer's numbers, which it tells before it uses them. */
  readonly #incoming: (ChannelView | undefined)[] = [];
  #outgoing = 0;
  #pings = 0;
  readonly #pongs = new Map<number, (isAnswered: boolean) => void>();
  readonly #isReady = gate();
  readonly #isUpThere = gate();

  constructor(proven: ProvenConnection, runtime: Runtime, owner: LinkOwner) {
    this.peer = proven.peer;
    this.bootId = proven.bootId;
    this.isDialled = proven.isDialled;
    this.remote = proven.connection.remote;
    this.instance = proven.instance;
    this.#proven = proven;
    this.#runtime = runtime;
    this.#owner = owner;
  }

  /** Begins to read. */
  open(): void {
    this.#proven.connection.onClose((reason) => this.#onClose(reason));
    this.#proven.receive((frame) => this.#receive(frame));
  }

  /** This link seen through a channel; made when first asked for. */
  view(name: string): ChannelView {
    let view = this.#views.get(name);
    if (view === undefined) {
      view = new ChannelView(this, name);
      this.#views.set(name, view);
    }
    return view;
  }

  sendData(id: number, payload: Uint8Array): boolean {
    if (!this.isUp || this.isEnded) return false;
    return this.#proven.connection.send(encodeData(id, payload));
  }

  announce(name: string): number {
    const id = this.#outgoing++;
    if (id >= peerLimits.channelsMax)
      throw new LicError('CHANNELS_MAX', `A link carries at most ${peerLimits.channelsMax} channels.`);
    this.#control(frameType.channel, { id, name });
    return id;
  }

  drained(): Promise<void> {
    return this.#proven.connection.drained();
  }

  sendReady(): void {
    this.#proven.connection.send(encodeBytes(frameType.ready, nothing));
  }

  /** Whether the peer has said that it takes this link; `false` once it has ended. */
  ready(): Promise<boolean> {
    return this.#isReady.opened;
  }

  sendUp(): void {
    this.#proven.connection.send(encodeBytes(frameType.up, nothing));
  }

  /** Whether the peer has chosen this link; `false` once it has ended. */
  chosen(): Promise<boolean> {
    return this.#isUpThere.opened;
  }

  notice(kind: NoticeKind): void {
    this.#control(frameType.notice, { kind });
  }

  /** Tells the peer the instance where the handshake named another, or none. */
  tellInstance(instance: string | null, always = false): void {
    if (instance !== null && (always || instance !== this.#proven.instanceTold))
      this.#control(frameType.instance, { instance });
  }

  /** Whether the peer's process answers on this link within `limitMs`. */
  answers(limitMs: number): Promise<boolean> {
    if (this.isEnded) return Promise.resolve(false);
    const id = this.#pings++;
    return new Promise((resolve) => {
      const settle = (isAnswered: boolean) => {
        timer.cancel();
        this.#pongs.delete(id);
        resolve(isAnswered);
      };
      const timer = this.#runtime.setTimer(limitMs, () => settle(false));
      this.#pongs.set(id, settle);
      this.#control(frameType.ping, { id });
    });
  }

  /** Gives the connection up: in order, or at once where nobody is believed to be there. */
  close(how: 'in order' | 'at once' = 'in order'): void {
    if (how === 'in order') this.#proven.connection.close();
    else this.#proven.connection.abort();
    this.#settle();
  }

  /** Resolves when the connection has closed. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      this.#proven.connection.onClose(() => resolve());
    });
  }

  /** Tells the users of all channels that this link has ended. */
  tellEnd(end: LinkEnd): void {
    this.isUp = false;
    for (const view of this.#views.values()) view.end(end);
  }

  #onClose(reason: CloseReason): void {
    this.#settle();
    this.#owner.onEnd(this, reason);
  }

  #settle(): void {
    this.isEnded = true;
    this.#isReady.open(false);
    this.#isUpThere.open(false);
    for (const settle of [...this.#pongs.values()]) settle(false);
  }

  #control(type: number, body: object): void {
    if (!this.isEnded) this.#proven.connection.send(encodeControl(type, body));
  }

  #receive(frame: Frame): void {
    if (this.isEnded) return;
    if (typeof frame === 'string') this.#break(garbage('A text frame came on a peer link.'));
    else if (frame[0] === frameType.data) this.#onData(frame);
    else {
      try {
        this.#onControl(frame);
      } catch (error) {
        // A frame that can't be read is the peer's doing; anything else is a bug here and must not look like one there.
        if (!isLicError(error)) throw error;
        this.#break(error);
      }
    }
  }

  #break(error: LicError): void {
    this.close('at once');
    this.#owner.onBroken(this, error);
  }

  #onData(frame: Uint8Array): void {
    const view = this.#incoming[frame[1] ?? -1];
    const refusal =
      frame.length > peerLimits.frameBytesMax
        ? frameTooLarge(frame.length, peerLimits.frameBytesMax)
        : view === undefined
          ? garbage(`A frame came for channel ${String(frame[1])}, which the peer has not named.`)
          : view.receive(frame.subarray(dataHeaderBytes));
    if (refusal !== undefined) this.#break(refusal);
  }

  #onControl(frame: Uint8Array): void {
    if (frame.length > peerLimits.controlBytesMax) throw frameTooLarge(frame.length, peerLimits.controlBytesMax);
    const read = <Schema extends z.ZodType>(schema: Schema): z.infer<Schema> => decodeControl(schema, frame);
    switch (frame[0]) {
      case frameType.ready:
        this.#isReady.open(true);
        return;
      case frameType.up:
        this.#isUpThere.open(true);
        return;
      case frameType.ping:
        this.#control(frameType.pong, read(pingSchema));
        return;
      case frameType.pong:
        this.#pongs.get(read(pingSchema).id)?.(true);
        return;
      case frameType.notice:
        this.#owner.onNotice(this, read(noticeSchema).kind);
        return;
      case frameType.channel: {
        const { id, name } = read(channelSchema);
        if (id !== this.#incoming.length || id >= peerLimits.channelsMax) {
          throw garbage(`Channel ${id} was named out of turn.`);
        }
        this.#incoming.push(this.view(name));
        return;
      }
      case frameType.instance:
        this.instance = read(instanceFrameSchema).instance;
        this.#owner.onInstance(this);
        return;
      default:
        throw garbage(`A frame of the unknown type ${String(frame[0])} came.`);
    }
  }
}

function garbage(message: string): LicError {
  return new LicError('FRAME_GARBAGE', message);
}

/** A promise that is settled once, from outside. */
function gate(): { readonly opened: Promise<boolean>; open(value: boolean): void } {
  let open: (value: boolean) => void = () => {};
  const opened = new Promise<boolean>((resolve) => {
    open = resolve;
  });
  return { opened, open: (value) => open(value) };
}
