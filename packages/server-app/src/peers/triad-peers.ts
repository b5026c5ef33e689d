import {
  type Connection,
  errorMessage,
  isLicError,
  type Logger,
  type PeerChannel,
  type PeerId,
  type PeerNetwork,
  type Runtime,
  type SignatureScheme,
  type Transport,
} from '@lic/interfaces';
import { ChannelBoard } from './channel-board.ts';
import { type HandshakeSelf, shakeHands } from './handshake.ts';
import type { PeerEndpoint } from './peer-endpoint.ts';
import { peerLimits } from './peer-frames.ts';
import { type LinkTimes, PeerSlot, randomFraction, type SlotContext } from './peer-slot.ts';
import { type Refusal, Refusals } from './refusals.ts';

export type { PeerEndpoint } from './peer-endpoint.ts';

/**
 * The authenticated links of one server. The server listens once; the first frame of a connection tells a client (text)
 * from a peer (bytes), and a peer's connection is given to {@link TriadPeers.accept}.
 */
export interface TriadPeers extends PeerNetwork {
  /** Begins to dial all peers, again and again with growing, jittered pauses (at most 1 s on `lan`). */
  start(): void;
  /** Takes over an accepted connection with its first frame. */
  accept(connection: Connection, firstFrame: Uint8Array): void;
  /** The triad instance that this server names to its peers, or null while forming. */
  readonly instance: string | null;
  /** From now on links must name this instance; links made while forming (instance null) are told, not dropped. */
  setInstance(instance: string): void;
  /** Links are taken from these keys from now on, and from no other. One without addresses is not dialled. */
  setEndpoints(endpoints: readonly PeerEndpoint[]): void;
  isUp(peer: PeerId): boolean;
  /** Whether the peer's process answers within 200 ms (two rounds). A link on which it does not is given up. */
  probe(peer: PeerId): Promise<boolean>;
  /** The boot id of the process that the current link to the peer leads to; null where there is none. */
  bootIdOf(peer: PeerId): string | null;
  /** Takes no link any more with that process of the peer: an operator has named another one (triad.md, Clones). */
  ban(peer: PeerId, bootId: string): void;
  /** Why links to peers were refused lately (unknown key, another instance, identity in use), for status. */
  refusals(): readonly Refusal[];
  /** Set while another process answers under this server's identity: this one must not take part. */
  readonly identityInUse: boolean;
  /** Adds a listener for everything above that can change: a link up or ended, `identityInUse`. */
  onChange(listener: () => void): void;
  /** Ends all links in order. Idempotent. */
  stop(): Promise<void>;
}

/** What the links of one server are made from. */
export interface TriadPeersOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Addresses are dialled with the first that serves their scheme. */
  readonly transports: readonly Transport[];
  /** `publicKey` is this server's {@link PeerId}. */
  readonly identity: { readonly publicKey: string; readonly privateKeyPem: string };
  readonly scheme: SignatureScheme;
  /** Random, drawn at each start of the process; 22 characters of base64url. */
  readonly bootId: string;
  /** The triad instance of the data folder, or null while it has none. */
  readonly instance: string | null;
  /** All that links are taken from, this server among them where it is one. */
  readonly endpoints: readonly PeerEndpoint[];
  /** The network's pace (`ConsensusTiming.roundMs`); default 100. Probes and the loss jitter go with it. */
  readonly roundMs?: number;
  /** The longest pause between two dials, ms; default ten rounds. */
  readonly redialMaxMs?: number;
}

/** Makes the links of one server. Nothing is dialled before `start`. */
export function createTriadPeers(options: TriadPeersOptions): TriadPeers {
  return new AuthenticatedPeers(options);
}

/** Milliseconds of a profile with rounds of 100 ms; slower profiles take as many times more. */
const pace = { roundMs: 100, probeMs: 200, lossMinMs: 10, lossMaxMs: 30 } as const;
const dialMsMax = 2_000;

class AuthenticatedPeers implements TriadPeers {
  readonly self: PeerId;
  readonly #runtime: Runtime;
  readonly #scheme: SignatureScheme;
  readonly #handshakeSelf: HandshakeSelf;
  readonly #refusals: Refusals;
  readonly #channels: ChannelBoard;
  readonly #context: SlotContext;
  readonly #slots = new Map<PeerId, PeerSlot>();
  /** Accepted connections that have proved nothing yet, oldest first. */
  readonly #handshakes = new Set<AbortController>();
  readonly #lostListeners: ((peer: PeerId) => void)[] = [];
  readonly #changeListeners: (() => void)[] = [];
  #instance: string | null;
  #ranks: readonly PeerId[] = [];
  #state: 'idle' | 'running' | 'stopped' = 'idle';
  /** The end of slots whose peers are no members any more. */
  readonly #ending = new Set<Promise<void>>();

  constructor(options: TriadPeersOptions) {
    const { runtime, logger, transports, identity, scheme, bootId } = options;
    this.self = identity.publicKey;
    this.#runtime = runtime;
    this.#scheme = scheme;
    this.#instance = options.instance;
    this.#refusals = new Refusals(runtime, logger);
    this.#channels = new ChannelBoard(() => [...this.#slots.values()].flatMap(({ current }) => current ?? []));
    this.#handshakeSelf = {
      publicKey: identity.publicKey,
      privateKeyPem: identity.privateKeyPem,
      bootId,
      instance: () => this.#instance,
      isMember: (peer) => this.#slots.has(peer),
    };
    this.#context = {
      runtime,
      logger,
      scheme,
      transports,
      self: this.#handshakeSelf,
      channels: this.#channels,
      refusals: this.#refusals,
      times: this.#times(options.roundMs ?? pace.roundMs, options.redialMaxMs),
      onLost: (peer) => {
        for (const listener of this.#lostListeners) listener(peer);
      },
      onChange: () => {
        for (const listener of this.#changeListeners) listener();
      },
    };
    this.setEndpoints(options.endpoints);
  }

  get instance(): string | null {
    return this.#instance;
  }

  get identityInUse(): boolean {
    return [...this.#slots.values()].some((slot) => slot.isIdentityInUse);
  }

  peers(): readonly PeerId[] {
    return [...this.#slots.keys()];
  }

  channel(name: string): PeerChannel {
    return this.#channels.channel(name);
  }

  onLost(listener: (peer: PeerId) => void): void {
    this.#lostListeners.push(listener);
  }

  onChange(listener: () => void): void {
    this.#changeListeners.push(listener);
  }

  isUp(peer: PeerId): boolean {
    return this.#slots.get(peer)?.current !== undefined;
  }

  async probe(peer: PeerId): Promise<boolean> {
    return (await this.#slots.get(peer)?.probe()) ?? false;
  }

  bootIdOf(peer: PeerId): string | null {
    return this.#slots.get(peer)?.current?.bootId ?? null;
  }

  ban(peer: PeerId, bootId: string): void {
    this.#slots.get(peer)?.ban(bootId);
  }

  refusals(): readonly Refusal[] {
    return this.#refusals.list();
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    for (const slot of this.#slots.values()) slot.start();
  }

  accept(connection: Connection, firstFrame: Uint8Array): void {
    if (this.#state !== 'running') {
      connection.close();
      return;
    }
    const [oldest] = this.#handshakes;
    if (this.#handshakes.size >= peerLimits.handshakesMax) oldest?.abort();
    void this.#greet(connection, firstFrame);
  }

  setInstance(instance: string): void {
    if (this.#instance === instance) return;
    this.#instance = instance;
    for (const slot of this.#slots.values()) slot.setInstance(instance);
  }

  setEndpoints(endpoints: readonly PeerEndpoint[]): void {
    this.#ranks = [...endpoints].sort((a, b) => a.rank - b.rank).map(({ id }) => id);
    for (const [id, slot] of this.#slots) {
      if (this.#ranks.includes(id)) continue;
      this.#slots.delete(id);
      this.#refusals.clear(id);
      const ending = slot.stop().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
    for (const endpoint of endpoints) {
      if (endpoint.id === this.self) continue;
      const known = this.#slots.get(endpoint.id);
      if (known !== undefined) {
        known.endpoint = endpoint;
        continue;
      }
      const slot = new PeerSlot(endpoint, this.#context);
      this.#slots.set(endpoint.id, slot);
      if (this.#state === 'running') slot.start();
    }
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    for (const handshake of this.#handshakes) handshake.abort();
    await Promise.all([...[...this.#slots.values()].map((slot) => slot.stop()), ...this.#ending]);
  }

  async #greet(connection: Connection, firstFrame: Uint8Array): Promise<void> {
    const handshake = new AbortController();
    this.#handshakes.add(handshake);
    try {
      const proven = await shakeHands({
        runtime: this.#runtime,
        scheme: this.#scheme,
        self: this.#handshakeSelf,
        connection,
        dialled: null,
        firstFrame,
        signal: handshake.signal,
      });
      this.#handshakes.delete(handshake);
      const slot = this.#slots.get(proven.peer);
      if (slot === undefined) connection.close();
      else await slot.take(proven);
    } catch (error) {
      this.#handshakes.delete(handshake);
      const code = isLicError(error) ? error.code : 'INTERNAL';
      // Our own doing, and a peer that found another of its connections to be up, are no refusals.
      if (code === 'HANDSHAKE_ABORTED' || code === 'HANDSHAKE_CLOSED') return;
      const claimed = isLicError(error) ? error.details.peer : undefined;
      const peer = typeof claimed === 'string' ? claimed : null;
      this.#refusals.note({ peer, address: connection.remote, code, message: errorMessage(error) });
    }
  }

  #times(roundMs: number, redialMaxMs = 10 * roundMs): LinkTimes {
    const scale = Math.max(1, roundMs / pace.roundMs);
    return {
      probeMs: pace.probeMs * scale,
      redialMinMs: Math.min(redialMaxMs, 25 * scale),
      redialMaxMs,
      dialMsMax,
      replacementMsMax: redialMaxMs,
      identityHeldMs: 5 * redialMaxMs,
      // Each rank has a part of its own, so that two stand-bys don't campaign at once.
      lossJitterMs: () => {
        const rank = this.#ranks.indexOf(this.self);
        const part = rank === -1 ? this.#ranks.length : rank;
        const share = (part + randomFraction(this.#runtime)) / (this.#ranks.length + (rank === -1 ? 1 : 0));
        return scale * (pace.lossMinMs + share * (pace.lossMaxMs - pace.lossMinMs));
      },
    };
  }
}
