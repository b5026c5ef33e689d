import { errorMessage, isLicError, LicError, type Logger, type PeerId, type Runtime } from '@lic/interfaces';
import { z } from 'zod';
import type { Json, PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint, TriadPeers } from '../peers/triad-peers.ts';
import type { FolderBook } from './folder-book.ts';
import { type FormedRecord, formedSchema } from './folder-record.ts';

export type { FormedRecord } from './folder-record.ts';

/** What forming needs of a server. */
export interface FormTriadOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Of this server's folder. */
  readonly book: FolderBook;
  readonly network: Pick<TriadPeers, 'setInstance' | 'onChange' | 'refusals'>;
  readonly calls: PeerCalls;
  readonly self: PeerId;
  /** The license's servers, this one among them. */
  readonly endpoints: readonly PeerEndpoint[];
  readonly licenseHash: string;
  /** Started `--new`. */
  readonly isNew: boolean;
  readonly signal: AbortSignal;
  /** Called whenever what it waits for changes, with a sentence for status and log. */
  onWaiting(reason: string): void;
}

/** The triad that this server belongs to, and its own folder's incarnation: a member's where the formation names it, else a learner's. */
export interface JoinedTriad {
  readonly formed: FormedRecord;
  readonly incarnation: string;
}

/** How often the peers are asked while nothing tells of a change, ms. */
const pollMs = 200;
/** How long a peer may take to answer, its disk included, ms. */
const answerMsMax = 2_000;

const stateSchema = z.strictObject({
  kind: z.enum(['empty', 'data', 'formed']),
  incarnation: z.string().min(1).max(64),
  licenseHash: z.string(),
  isNew: z.boolean(),
  formed: formedSchema.nullable(),
});
type PeerState = z.infer<typeof stateSchema>;

/** One other server as it answered, or why it did not. */
interface PeerView {
  readonly endpoint: PeerEndpoint;
  readonly state: PeerState | undefined;
}

/**
 * Forms the triad or finds the one that this folder belongs to (triad.md, Forming). Resolves once this server's folder
 * is `formed`, durably; until then it waits, saying for what. Goes on answering the peers that still form. Rejects with
 * the signal's reason, or what the store throws.
 */
export async function formTriad(options: FormTriadOptions): Promise<JoinedTriad> {
  const { runtime, logger, network, signal, book } = options;
  const alarm = new Alarm(runtime, signal);
  network.onChange(() => alarm.ring());
  answerPeers(options, book, () => alarm.ring());

  let told = '';
  for (;;) {
    const { formed, incarnation } = book.record;
    if (formed !== undefined) {
      network.setInstance(formed.formation.instance);
      return { formed, incarnation };
    }
    signal.throwIfAborted();
    const reason = await takeStep(options, book);
    // A handler may have made it so while the step waited.
    if (book.kind === 'formed') continue;
    if (reason !== told) {
      told = reason;
      logger.info(`Forming: ${reason}`);
      options.onWaiting(reason);
    }
    await alarm.wait(pollMs);
  }
}

function answerPeers(
  { calls, self, endpoints, licenseHash, isNew }: FormTriadOptions,
  book: FolderBook,
  onChange: () => void,
): void {
  calls.handle('forming.state', (): PeerState => {
    const { incarnation, formed = null } = book.record;
    return { kind: book.kind, incarnation, licenseHash, isNew, formed };
  });
  calls.handle('forming.offer', async (params, from) => {
    const offer = formedSchema.parse(params);
    if (from !== firstOf(endpoints)?.id)
      throw new LicError('OFFER_REFUSED', 'Only the server of the lowest rank offers.');
    if (offer.licenseHash !== licenseHash) {
      throw new LicError('LICENSE_DIFFERS', `This server has the license ${licenseHash}, not ${offer.licenseHash}.`);
    }
    await book.agree(offer, self);
    return null;
  });
  calls.handle('forming.formed', async (params) => {
    await book.confirm(formedSchema.parse(params));
    onChange();
    return null;
  });
}

/** Does what can be done now. Answers what it waits for; meaningless once the folder is formed. */
async function takeStep(options: FormTriadOptions, book: FolderBook): Promise<string> {
  try {
    return await tryStep(options, book);
  } catch (error) {
    // A full disk, say. Anything final ends the forming.
    if (isLicError(error) && error.retryable) return errorMessage(error);
    throw error;
  }
}

async function tryStep(options: FormTriadOptions, book: FolderBook): Promise<string> {
  const { self, endpoints, calls } = options;
  if (book.kind === 'data') {
    return 'the data folder holds a log, but no record of the triad that it belongs to. Empty it: it is then refilled from the other servers.';
  }
  if (!endpoints.some(({ id }) => id === self)) return `the license names no server with this server's key, ${self}.`;

  const others = endpoints.filter(({ id }) => id !== self);
  const views = await Promise.all(others.map((endpoint) => ask(calls, endpoint)));
  const formed = views.filter(({ state }) => state?.formed != null);
  if (formed.length > 0) return joinFormed(book, formed);
  const obstacle = obstacleOf(options, views);
  if (obstacle !== undefined) return obstacle;
  const first = firstOf(endpoints);
  if (first?.id !== self) return `${first?.name} is about to offer.`;
  return offerTo(options, book, views);
}

/** A peer that is linked knows this server's key, from a license of its log or from the configuration: that is enough to come as a learner. */
async function joinFormed(book: FolderBook, views: readonly PeerView[]): Promise<string> {
  const triads = views.flatMap(({ endpoint, state }) =>
    state?.formed == null ? [] : { name: endpoint.name, formed: state.formed },
  );
  const [first, ...more] = triads;
  if (first === undefined) return '';
  const other = more.find(({ formed }) => formed.formation.instance !== first.formed.formation.instance);
  if (other !== undefined) {
    return `${first.name} and ${other.name} belong to two triads, ${first.formed.formation.instance} and ${other.formed.formation.instance}. One of their data folders is in the wrong place.`;
  }
  await book.join(first.formed);
  return '';
}

/** Why no triad can form now, the weightiest first. */
function obstacleOf({ licenseHash, network }: FormTriadOptions, views: readonly PeerView[]): string | undefined {
  for (const { endpoint, state } of views) {
    if (state !== undefined && state.licenseHash !== licenseHash) {
      return `${endpoint.name} has another license: ${state.licenseHash} there, ${licenseHash} here. All servers need the same file.`;
    }
  }
  for (const { endpoint, state } of views) {
    if (state?.kind === 'data')
      return `${endpoint.name} holds data of a triad, but no record of it: no forming with it.`;
  }
  const missing = views.filter(({ state }) => state === undefined).map(({ endpoint }) => endpoint);
  if (missing.length === 0) return undefined;
  const refusals = network.refusals();
  const named = missing.map(({ id, name }) => {
    const why = refusals.filter(({ peer }) => peer === id).map(({ code, message }) => `${code}: ${message}`);
    return why.length === 0 ? name : `${name} (${why.join('; ')})`;
  });
  return `${named.join(' and ')} can't be reached. All servers must be up to form.`;
}

async function offerTo(options: FormTriadOptions, book: FolderBook, views: readonly PeerView[]): Promise<string> {
  const { self, endpoints, calls, licenseHash, logger } = options;
  const incarnations = new Map(views.map(({ endpoint, state }) => [endpoint.id, state?.incarnation ?? '']));
  incarnations.set(self, book.record.incarnation);
  const members = byRank(endpoints).map(({ id }) => ({ id, incarnation: incarnations.get(id) ?? '' }));
  const isNew = options.isNew && views.every(({ state }) => state?.isNew === true);
  const offer = await book.offer(members, licenseHash, isNew);
  const tell = (method: string) =>
    Promise.allSettled(
      views.map(({ endpoint }) => calls.call(endpoint.id, method, offer as unknown as Json, answerMsMax)),
    );

  const answers = await tell('forming.offer');
  const refusedAt = answers.findIndex(({ status }) => status === 'rejected');
  if (refusedAt !== -1) {
    const answer = answers[refusedAt] as PromiseRejectedResult;
    return `${views[refusedAt]?.endpoint.name} has not agreed yet: ${errorMessage(answer.reason)}`;
  }
  await book.confirm(offer);
  logger.info('The triad has formed.', { instance: offer.formation.instance, isNew });
  // Who misses it asks.
  void tell('forming.formed');
  return '';
}

async function ask(calls: PeerCalls, endpoint: PeerEndpoint): Promise<PeerView> {
  try {
    return { endpoint, state: stateSchema.parse(await calls.call(endpoint.id, 'forming.state', null, answerMsMax)) };
  } catch {
    return { endpoint, state: undefined };
  }
}

function byRank(endpoints: readonly PeerEndpoint[]): readonly PeerEndpoint[] {
  return [...endpoints].sort((a, b) => a.rank - b.rank);
}

function firstOf(endpoints: readonly PeerEndpoint[]): PeerEndpoint | undefined {
  return byRank(endpoints)[0];
}

/** Lets one wait until something happens, or for a while. */
class Alarm {
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  #hasRung = false;
  #wake: (() => void) | undefined;

  constructor(runtime: Runtime, signal: AbortSignal) {
    this.#runtime = runtime;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.ring(), { once: true });
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  async wait(limitMs: number): Promise<void> {
    if (!this.#hasRung && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = this.#runtime.setTimer(limitMs, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#hasRung = false;
  }
}
