import type { CloseReason, PeerChannel, PeerId, PeerLink, PeerNetwork } from '@lic/interfaces';

type LinkEnd = Parameters<Parameters<PeerLink['onClose']>[0]>[0];

/** How a {@link MemoryPeerHub} moves frames. */
export interface MemoryPeerHubOptions {
  /** Runs `deliver` later, at the server `to`. Calls for one pair of servers must keep their order. Default: the microtask queue. */
  readonly schedule?: (deliver: () => void, to: PeerId) => void;
}

interface Server {
  readonly channels: Map<string, MemoryChannel>;
  readonly lost: ((peer: PeerId) => void)[];
}

/** Peer networks in one process: links that open, close, and fall silent as told. For tests and benchmarks. */
export class MemoryPeerHub {
  readonly #schedule: (deliver: () => void, to: PeerId) => void;
  readonly #servers = new Map<PeerId, Server>();
  /** `from>to`: nothing gets through, and nobody is told. */
  readonly #silent = new Set<string>();
  /** `a|b`, sorted: no link. */
  readonly #closed = new Set<string>();
  #links: MemoryLink[] = [];
  #boots = 0;

  constructor(options: MemoryPeerHubOptions = {}) {
    this.#schedule = options.schedule ?? ((deliver) => queueMicrotask(deliver));
  }

  /** A server comes up and is linked to all that are up. */
  join(self: PeerId, channelName = 'consensus'): PeerNetwork {
    const server: Server = { channels: new Map(), lost: [] };
    const others = [...this.#servers.keys()];
    this.#servers.set(self, server);
    this.#boots += 1;
    const network: PeerNetwork = {
      self,
      peers: () => [...this.#servers.keys()].filter((id) => id !== self),
      channel: (name) => this.#channel(self, name),
      onLost: (listener) => server.lost.push(listener),
    };
    for (const other of others) if (!this.#closed.has(pair(self, other))) this.#link(self, other, channelName);
    return network;
  }

  /** The process of `peer` is gone: its links close, and no re-dial succeeds. */
  kill(peer: PeerId): void {
    this.#servers.delete(peer);
    for (const link of this.#links.filter((each) => each.self === peer || each.peer === peer)) {
      this.#end(link, { kind: 'reset', message: 'killed' });
    }
    for (const server of this.#servers.values()) for (const listener of server.lost) listener(peer);
  }

  /** The link between two servers closes and can't be made again: both take the other for lost. */
  close(a: PeerId, b: PeerId): void {
    this.#closed.add(pair(a, b));
    for (const link of this.#links.filter((each) => pair(each.self, each.peer) === pair(a, b))) {
      this.#end(link, { kind: 'reset', message: 'closed' });
    }
    for (const listener of this.#servers.get(a)?.lost ?? []) listener(b);
    for (const listener of this.#servers.get(b)?.lost ?? []) listener(a);
  }

  /** A new link between two servers, in place of any older one; where one of them is down, as soon as it is up. */
  open(a: PeerId, b: PeerId, channelName = 'consensus'): void {
    this.#closed.delete(pair(a, b));
    if (!this.#servers.has(a) || !this.#servers.has(b)) return;
    const older = this.#links.filter((each) => pair(each.self, each.peer) === pair(a, b));
    this.#link(a, b, channelName);
    for (const link of older) this.#end(link, { kind: 'replaced', message: 'a new link took its place' });
  }

  /** Frames from `from` to `to` vanish (a one-way partition): no link closes. */
  silence(from: PeerId, to: PeerId): void {
    this.#silent.add(`${from}>${to}`);
  }

  /** Frames from `from` to `to` get through again. */
  unsilence(from: PeerId, to: PeerId): void {
    this.#silent.delete(`${from}>${to}`);
  }

  /** A frame arrives at `to` as if `from` had sent it. */
  inject(from: PeerId, to: PeerId, frame: Uint8Array): void {
    this.#links.find((each) => each.self === from && each.peer === to)?.send(frame);
  }

  #channel(self: PeerId, name: string): MemoryChannel {
    const { channels } = this.#servers.get(self)!;
    let channel = channels.get(name);
    if (channel === undefined) {
      channel = new MemoryChannel();
      channels.set(name, channel);
    }
    return channel;
  }

  #link(a: PeerId, b: PeerId, channelName: string): void {
    const bootId = String(this.#boots);
    const carry = (from: MemoryLink, to: () => MemoryLink) => (frame: Uint8Array) => {
      if (this.#silent.has(`${from.self}>${from.peer}`)) return;
      this.#schedule(() => to().receive(frame), from.peer);
    };
    const atA: MemoryLink = new MemoryLink(a, b, bootId, (frame) => carry(atA, () => atB)(frame));
    const atB: MemoryLink = new MemoryLink(b, a, bootId, (frame) => carry(atB, () => atA)(frame));
    this.#links.push(atA, atB);
    this.#channel(a, channelName).take(atA);
    this.#channel(b, channelName).take(atB);
  }

  #end(link: MemoryLink, reason: LinkEnd): void {
    this.#links = this.#links.filter((each) => each !== link);
    link.end(reason);
  }
}

function pair(a: PeerId, b: PeerId): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

class MemoryChannel implements PeerChannel {
  readonly #links: MemoryLink[] = [];
  #listener: ((link: PeerLink) => void) | undefined;

  onLink(listener: (link: PeerLink) => void): void {
    this.#listener = listener;
    for (const link of this.#links) if (link.isOpen) listener(link);
  }

  take(link: MemoryLink): void {
    this.#links.push(link);
    this.#listener?.(link);
  }
}

class MemoryLink implements PeerLink {
  readonly self: PeerId;
  readonly peer: PeerId;
  readonly bootId: string;
  readonly #carry: (frame: Uint8Array) => void;
  readonly #waiting: Uint8Array[] = [];
  #receiver: ((frame: Uint8Array) => void) | undefined;
  readonly #onClose: ((reason: LinkEnd) => void)[] = [];
  isOpen = true;

  constructor(self: PeerId, peer: PeerId, bootId: string, carry: (frame: Uint8Array) => void) {
    this.self = self;
    this.peer = peer;
    this.bootId = bootId;
    this.#carry = carry;
  }

  send(frame: Uint8Array): boolean {
    if (this.isOpen) this.#carry(frame);
    return this.isOpen;
  }

  async drained(): Promise<void> {}

  onFrame(receiver: (frame: Uint8Array) => void): void {
    this.#receiver = receiver;
    for (const frame of this.#waiting.splice(0)) receiver(frame);
  }

  onClose(listener: (reason: CloseReason | { readonly kind: 'replaced'; readonly message: string }) => void): void {
    this.#onClose.push(listener);
  }

  receive(frame: Uint8Array): void {
    if (!this.isOpen) return;
    if (this.#receiver === undefined) this.#waiting.push(frame);
    else this.#receiver(frame);
  }

  end(reason: LinkEnd): void {
    this.isOpen = false;
    for (const listener of this.#onClose) listener(reason);
  }
}
