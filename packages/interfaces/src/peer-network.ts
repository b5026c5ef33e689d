import type { CloseReason } from './transport.ts';

/** Who a member of the triad is: its identity key as text (`ed25519:…`). */
export type PeerId = string;

/** One authenticated link to a peer, seen through one named channel. Frames are ordered. */
export interface PeerLink {
  readonly peer: PeerId;
  /** The boot id of the peer's process: differs after each of its starts. */
  readonly bootId: string;
  /** Sends one binary frame. `false`: above the high-water mark, hold back bulk data. Dropped after the end. */
  send(frame: Uint8Array): boolean;
  /** Resolves when bulk data may flow again, and at the link's end. */
  drained(): Promise<void>;
  /** Sets the one receiver. Frames that came earlier are kept for it (bounded by the transport's backpressure). */
  onFrame(receiver: (frame: Uint8Array) => void): void;
  /** Called once at the end of the link. `replaced`: another link to the same process has taken its place. */
  onClose(listener: (reason: CloseReason | { readonly kind: 'replaced'; readonly message: string }) => void): void;
}

/** A named channel over all links. */
export interface PeerChannel {
  /**
   * Sets the one listener for links. It is called at once for each link that is up, and then for each new one. At most one link
   * per peer is current; a new one arrives before the old one's close event with kind `replaced`.
   */
  onLink(listener: (link: PeerLink) => void): void;
}

/**
 * Authenticated links among the servers of one triad. Both ends have proved their identity keys by signing the other's
 * nonce, and both named the same triad instance, before anyone gets the link.
 */
export interface PeerNetwork {
  /** This server. */
  readonly self: PeerId;
  /** The other servers from which links are taken now. */
  peers(): readonly PeerId[];
  /** The channel of that name (`consensus`, `clock`, `admin`, …; at most 32 characters). The same object for the same name. */
  channel(name: string): PeerChannel;
  /**
   * Adds a listener for the loss of a peer: the last link to it has closed, not as `replaced` or `renewing`, and a re-dial was
   * refused or unanswered within the jitter (10–30 ms, shorter for lower rank; triad.md, Failover).
   */
  onLost(listener: (peer: PeerId) => void): void;
}
