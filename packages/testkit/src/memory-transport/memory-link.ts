import type { MemoryConnection } from './memory-connection.ts';
import type { Pipe } from './pipe.ts';

/** Two pipes and the ends that exist so far. */
export interface MemoryLink {
  readonly hosts: readonly [dialer: string, acceptor: string];
  readonly up: Pipe;
  readonly down: Pipe;
  /** The dial has neither been accepted nor refused yet. */
  isDialing: boolean;
  dialed: MemoryConnection | undefined;
  accepted: MemoryConnection | undefined;
}

/** One life of a process on a host. */
export interface MemoryProcess {
  readonly host: string;
  isAlive: boolean;
}

/** What transports see of the network. */
export interface NetworkCore {
  readonly listeners: Map<string, MemoryListener>;
  /** The next port that nobody has had. */
  freePort(): number;
  /** How the others see the host, in an address. */
  seenAs(host: string): string;
  openLink(dialer: string, acceptor: string): MemoryLink;
  /** Called when an end is gone; a link without ends is forgotten. */
  release(link: MemoryLink): void;
  /** Whether chance takes the connection of a frame. */
  takesConnection(): boolean;
}

/** What a listening process has bound. */
export interface MemoryListener {
  readonly host: string;
  accept(link: MemoryLink): void;
}

/** Both ends see a reset now. */
export function breakLink({ dialed, accepted, up, down }: MemoryLink): void {
  if (dialed === undefined && accepted === undefined) return;
  up.cut();
  down.cut();
  dialed?.receive({ kind: 'reset' });
  accepted?.receive({ kind: 'reset' });
}
