import { errorMessage, LicError, type Logger, type PeerId, type Runtime, type Timer } from '@lic/interfaces';
import { z } from 'zod';
import type { PeerCalls } from './peer-calls.ts';
import { shortKey } from './peer-frames.ts';
import type { TriadPeers } from './triad-peers.ts';

const bootId = z.string().min(1).max(64);
const seenSchema = z.object({ links: z.record(z.string(), bootId) });
const probeSchema = z.object({ peer: z.string(), bootId });
const bootIdsSchema = z.object({ bootIds: z.array(bootId).max(16) });

/** What {@link CloneWatch} is made from. */
export interface CloneWatchParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly peers: Pick<TriadPeers, 'self' | 'peers' | 'isUp' | 'probe' | 'bootIdOf' | 'ban' | 'onChange'>;
  readonly calls: PeerCalls;
  /** Of this process. */
  readonly bootId: string;
  readonly nameOf: (peer: PeerId) => string;
  /** The network's pace: servers compare what they are linked to every ten rounds. */
  readonly roundMs: number;
  /** This process must not vote: its identity is in use twice, as the sentence says. Told once. */
  readonly onConflict: (why: string) => void;
  /** An operator has named this process: it may go on, as one that has to ask its peers what it has forgotten. */
  readonly onKept: () => void;
}

/** How long a peer may take for one answer, ms. */
const callMs = 2_000;
/** It is looked every so many rounds whether there is something new to tell, and told anyway every so many looks. */
const everyRounds = 10;
const anewLooks = 5;

/**
 * Notices that two processes answer under one identity, each at another server (triad.md, Clones). Servers tell each other
 * which processes they are linked to. Where two differ each probes its own, after it has heard of the other: a process that was
 * restarted is not there any more then, so two that both answer are two. Each server tells its own; neither votes until an
 * operator names one, and the other gets no link until it ends.
 */
export class CloneWatch {
  readonly #parts: CloneWatchParts;
  /** By identity: the boot ids that were seen to answer at the same time. */
  readonly #found = new Map<PeerId, Set<string>>();
  readonly #looking = new Set<PeerId>();
  #timer: Timer | undefined;
  /** What the others were told last, and how many looks ago. */
  #told = '';
  #looks = 0;
  #isInConflict = false;

  constructor(parts: CloneWatchParts) {
    this.#parts = parts;
    const { calls, peers } = parts;
    calls.handle('clones.seen', (params, from) => {
      for (const [peer, theirs] of Object.entries(seenSchema.parse(params).links))
        void this.#compare(peer, theirs, from);
      return null;
    });
    calls.handle('clones.probe', async (params) => {
      const asked = probeSchema.parse(params);
      return peers.bootIdOf(asked.peer) === asked.bootId && (await this.#answers(asked.peer, asked.bootId));
    });
    calls.handle('clones.conflict', (params) => {
      this.#stand(bootIdsSchema.parse(params).bootIds);
      return null;
    });
    calls.handle('clones.keep', (params, from) => {
      const { peer, bootId: kept } = probeSchema.parse(params);
      this.#settle(peer, kept);
      // Who was asked may not reach all: the one that is named only its own server, a server only the one that it has to give up.
      if (from === peer) void this.#tellOthers(peer, kept);
      else if (peers.bootIdOf(peer) === kept)
        void calls.call(peer, 'clones.keep', { peer, bootId: kept }, callMs).catch(() => {});
      return null;
    });
    peers.onChange(() => this.#forget());
  }

  start(): void {
    this.#tell();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Whether this process was told that another has its identity, and no operator has decided yet. */
  get isInConflict(): boolean {
    return this.#isInConflict;
  }

  /** Sentences for the administrator. */
  notices(): readonly string[] {
    return [...this.#found].map(([peer, bootIds]) => this.#twoProcesses(peer, [...bootIds]));
  }

  /**
   * An operator's word: of the processes under `peer`'s identity the one with this boot id goes on. The others get no link any
   * more until they end. Throws `KEEP_FAILED` where this process is meant and no other server can be told.
   */
  async keep(peer: PeerId, kept: string = this.#parts.bootId): Promise<void> {
    const { peers, logger, nameOf } = this.#parts;
    logger.warn('an operator has named the process that goes on', { server: nameOf(peer), bootId: kept });
    const isTold = await this.#tellOthers(peer, kept);
    if (peer === peers.self && !isTold) {
      throw new LicError(
        'KEEP_FAILED',
        'No other server takes a link from this process, so none can be told that it goes on. Stop the other process, or ' +
          `name this one (boot id ${kept}) at another server.`,
        { retryable: true },
      );
    }
    this.#settle(peer, kept);
  }

  /** Tells the servers that are linked, `peer`'s process included; answers whether any has heard it, as soon as one has. */
  async #tellOthers(peer: PeerId, kept: string): Promise<boolean> {
    const { peers, calls } = this.#parts;
    const linked = peers.peers().filter((other) => peers.isUp(other));
    const told = linked.map((other) => calls.call(other, 'clones.keep', { peer, bootId: kept }, callMs));
    // One is enough: it tells on. Another may only seem to be linked.
    return Promise.any(told).then(
      () => true,
      () => false,
    );
  }

  #tell(): void {
    const { runtime, roundMs, peers, calls } = this.#parts;
    this.#timer = runtime.setTimer(everyRounds * roundMs, () => this.#tell(), { keepAlive: false });
    const links = Object.fromEntries(
      peers.peers().flatMap((peer) => {
        const known = peers.bootIdOf(peer);
        return known === null ? [] : [[peer, known] as const];
      }),
    );
    const told = JSON.stringify(links);
    this.#looks = told === this.#told ? this.#looks + 1 : 0;
    this.#told = told;
    if (this.#looks % anewLooks !== 0) return;
    for (const peer of Object.keys(links)) void calls.call(peer, 'clones.seen', { links }, callMs).catch(() => {});
  }

  async #compare(peer: PeerId, theirs: string, from: PeerId): Promise<void> {
    const { peers, calls, logger } = this.#parts;
    const ours = peers.bootIdOf(peer);
    if (ours === null || ours === theirs || peer === from || this.#looking.has(peer)) return;
    this.#looking.add(peer);
    try {
      // Theirs first: ours was known before, and is asked after.
      if ((await calls.call(from, 'clones.probe', { peer, bootId: theirs }, callMs)) !== true) return;
      if (!(await this.#answers(peer, ours))) return;
      const bootIds = [ours, theirs].sort();
      if (!this.#found.has(peer)) logger.error(this.#twoProcesses(peer, bootIds), { here: ours, elsewhere: theirs });
      this.#found.set(peer, new Set([...(this.#found.get(peer) ?? []), ...bootIds]));
      await calls.call(peer, 'clones.conflict', { bootIds }, callMs);
    } catch (error) {
      logger.debug('two processes of one server could not be compared', { peer, reason: errorMessage(error) });
    } finally {
      this.#looking.delete(peer);
    }
  }

  /** Whether that very process answers now. */
  async #answers(peer: PeerId, process: string): Promise<boolean> {
    return (await this.#parts.peers.probe(peer)) && this.#parts.peers.bootIdOf(peer) === process;
  }

  /** This process is one of two. */
  #stand(bootIds: readonly string[]): void {
    if (this.#isInConflict || !bootIds.includes(this.#parts.bootId)) return;
    this.#isInConflict = true;
    this.#parts.onConflict(this.#twoProcesses(this.#parts.peers.self, bootIds));
  }

  #settle(peer: PeerId, kept: string): void {
    const { peers, bootId: own, onKept } = this.#parts;
    if (peer === peers.self) {
      if (kept !== own || !this.#isInConflict) return;
      this.#isInConflict = false;
      onKept();
      return;
    }
    const others = new Set([...(this.#found.get(peer) ?? []), ...[peers.bootIdOf(peer) ?? kept]]);
    this.#found.delete(peer);
    for (const each of others) if (each !== kept) peers.ban(peer, each);
  }

  /** A third process has taken the place of one: what was found is over. */
  #forget(): void {
    for (const [peer, bootIds] of this.#found) {
      const now = this.#parts.peers.bootIdOf(peer);
      if (now !== null && !bootIds.has(now)) this.#found.delete(peer);
    }
  }

  #twoProcesses(peer: PeerId, bootIds: readonly string[]): string {
    return (
      `IDENTITY_IN_USE: two processes answer under the identity of ${this.#parts.nameOf(peer)} (${shortKey(peer)}), with the boot ids ` +
      `${bootIds.join(' and ')}. Neither votes until \`lic recover --keep\` names the one that goes on; stop the other.`
    );
  }
}
