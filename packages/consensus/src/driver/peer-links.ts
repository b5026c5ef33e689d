import { errorMessage, type Logger, type PeerId, type PeerLink, type PeerNetwork } from '@lic/interfaces';
import type { Append, Message } from '../core/messages.ts';
import { decodeMessage, encodeMessage, isBadMessage } from '../wire/codec.ts';

/** The name of the channel that servers' consensus uses. */
export const CONSENSUS_CHANNEL = 'consensus';

/** What {@link PeerLinks} tell. */
export interface PeerLinkEvents {
  onMessage(from: PeerId, message: Message): void;
  onLink(peer: PeerId, up: boolean): void;
  /** The link to `peer` is above its high-water mark, or below again. */
  onCongestion(peer: PeerId, on: boolean): void;
  onLost(peer: PeerId): void;
}

/** The links to the other servers, as messages instead of frames. */
export class PeerLinks {
  readonly #current = new Map<PeerId, PeerLink>();
  readonly #events: PeerLinkEvents;
  readonly #logger: Logger;
  #isStopped = false;
  /** The newest append and its frame: both peers mostly get the same. */
  #append: Append | undefined;
  #frame: Uint8Array | undefined;

  constructor(network: PeerNetwork, logger: Logger, events: PeerLinkEvents) {
    this.#events = events;
    this.#logger = logger;
    network.channel(CONSENSUS_CHANNEL).onLink((link) => this.#take(link));
    network.onLost((peer) => {
      if (!this.#isStopped) events.onLost(peer);
    });
  }

  /** Sends if there is a link. */
  send(to: PeerId, message: Message): void {
    const link = this.#current.get(to);
    if (link === undefined) return;
    const flows = link.send(message.type === 'append' ? this.#appendFrame(message) : encodeMessage(message));
    if (!flows && message.type === 'append') this.#holdBack(link);
  }

  /** The link for bulk data. */
  linkTo(peer: PeerId): PeerLink | undefined {
    return this.#current.get(peer);
  }

  /** Nothing is sent or told any more. */
  stop(): void {
    this.#isStopped = true;
    this.#current.clear();
  }

  #holdBack(link: PeerLink): void {
    this.#events.onCongestion(link.peer, true);
    link.drained().then(
      () => {
        if (this.#current.get(link.peer) === link) this.#events.onCongestion(link.peer, false);
      },
      (error: unknown) => this.#logger.error('a link did not say when it is drained', { peer: link.peer, err: error }),
    );
  }

  #appendFrame(message: Append): Uint8Array {
    if (this.#frame === undefined || this.#append === undefined || !isSame(this.#append, message)) {
      this.#append = message;
      this.#frame = encodeMessage(message);
    }
    return this.#frame;
  }

  #take(link: PeerLink): void {
    if (this.#isStopped) return;
    const { peer } = link;
    // The core must know that what was under way on an older link may not have arrived.
    if (this.#current.has(peer)) this.#events.onLink(peer, false);
    this.#current.set(peer, link);
    this.#events.onLink(peer, true);
    link.onClose(() => {
      if (this.#isStopped || this.#current.get(peer) !== link) return;
      this.#current.delete(peer);
      this.#events.onLink(peer, false);
    });
    link.onFrame((frame) => this.#receive(peer, frame));
  }

  #receive(peer: PeerId, frame: Uint8Array): void {
    if (this.#isStopped) return;
    let message: Message;
    try {
      message = decodeMessage(owned(frame));
    } catch (error) {
      if (!isBadMessage(error)) throw error;
      this.#logger.warn('a frame from a peer was ignored', { peer, err: error, why: errorMessage(error) });
      return;
    }
    this.#events.onMessage(peer, message);
  }
}

/**
 * The frame with a buffer of its own. Entries are views into it and stay in memory for thousands of entries more, so
 * they must not keep a whole read buffer alive.
 */
function owned(frame: Uint8Array): Uint8Array {
  return frame.byteLength === frame.buffer.byteLength ? frame : frame.slice();
}

function isSame(a: Append, b: Append): boolean {
  return (
    a.term === b.term &&
    a.prevIndex === b.prevIndex &&
    a.commit === b.commit &&
    a.probe === b.probe &&
    a.entries.length === b.entries.length &&
    a.entries[0] === b.entries[0]
  );
}
