import { LicError, type PeerId, type PeerLink } from '@lic/interfaces';
import { peerLimits } from './peer-frames.ts';

/** How a link ended, as its users are told. */
export type LinkEnd = Parameters<Parameters<PeerLink['onClose']>[0]>[0];

/** What carries the frames of all channels of a link. */
export interface LinkCarrier {
  readonly peer: PeerId;
  readonly bootId: string;
  /** Whether frames may be sent now. */
  readonly isUp: boolean;
  /** Tells the peer which number stands for a channel, and answers the number. */
  announce(name: string): number;
  /** Sends a frame of a channel by its number. */
  sendData(id: number, payload: Uint8Array): boolean;
  drained(): Promise<void>;
}

/** One link seen through one channel: what users of the peer network get. */
export class ChannelView implements PeerLink {
  readonly peer: PeerId;
  readonly bootId: string;
  readonly #link: LinkCarrier;
  readonly #name: string;
  #id: number | undefined;
  #receiver: ((frame: Uint8Array) => void) | undefined;
  /** Frames that came before there was a receiver. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #listeners: ((end: LinkEnd) => void)[] = [];
  #end: LinkEnd | undefined;

  constructor(link: LinkCarrier, name: string) {
    this.peer = link.peer;
    this.bootId = link.bootId;
    this.#link = link;
    this.#name = name;
  }

  send(frame: Uint8Array): boolean {
    if (!this.#link.isUp) return false;
    this.#id ??= this.#link.announce(this.#name);
    return this.#link.sendData(this.#id, frame);
  }

  drained(): Promise<void> {
    return this.#link.drained();
  }

  onFrame(receiver: (frame: Uint8Array) => void): void {
    this.#receiver = receiver;
    if (this.#waiting.length > 0) queueMicrotask(() => this.#deliver());
  }

  onClose(listener: (end: LinkEnd) => void): void {
    const end = this.#end;
    if (end === undefined) this.#listeners.push(listener);
    else queueMicrotask(() => listener(end));
  }

  /** A frame came. Answers `CHANNEL_OVERRUN` where nobody takes them: a gap would be worse than a new link. */
  receive(frame: Uint8Array): LicError | undefined {
    if (this.#receiver !== undefined && this.#waiting.length === 0) {
      this.#receiver(frame);
      return undefined;
    }
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    if (this.#waiting.length <= peerLimits.waitingFramesMax && this.#waitingBytes <= peerLimits.waitingBytesMax)
      return undefined;
    const message = `${this.#waiting.length} frames wait on channel "${this.#name}", which nobody reads here.`;
    return new LicError('CHANNEL_OVERRUN', message);
  }

  /** The link has ended: tells every listener once, after the frames that came before. */
  end(end: LinkEnd): void {
    if (this.#end !== undefined) return;
    if (this.#receiver !== undefined) this.#deliver();
    this.#end = end;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(end);
  }

  #deliver(): void {
    const frames = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const frame of frames) this.#receiver?.(frame);
  }
}
