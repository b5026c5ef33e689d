import type { Connection, PeerId, PeerNetwork } from '@lic/interfaces';

/** Where a member is. */
export interface PeerEndpoint {
  readonly id: PeerId;
  readonly name: string;
  /** 1 is the primary. */
  readonly rank: number;
  readonly addresses: readonly string[];
}

/**
 * The authenticated links of one server. The server listens once; the first frame of a connection tells a client (text)
 * from a peer (bytes), and a peer's connection is given to {@link TriadPeers.accept}.
 */
export interface TriadPeers extends PeerNetwork {
  /** Begins to dial all peers, again and again with growing, jittered pauses (at most 1 s on `lan`). */
  start(): void;
  /** Takes over an accepted connection with its first frame. */
  accept(connection: Connection, firstFrame: Uint8Array): void;
  /** From now on links must name this instance; links made while forming (instance null) are told, not dropped. */
  setInstance(instance: string): void;
  /** The members may have changed name, address or rank (never key, for now). */
  setEndpoints(endpoints: readonly PeerEndpoint[]): void;
  isUp(peer: PeerId): boolean;
  /** Why links to peers were refused lately (unknown key, another instance, identity in use), for status. */
  refusals(): readonly { readonly peer: PeerId | null; readonly address: string; readonly code: string; readonly message: string }[];
  /** Set while another process answers under this server's identity: this one must not take part. */
  readonly identityInUse: boolean;
  /** Ends all links in order. Idempotent. */
  stop(): Promise<void>;
}
