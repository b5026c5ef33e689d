import {
  absentIncarnation,
  errorMessage,
  isLicError,
  LicError,
  type Logger,
  type PeerId,
  type Runtime,
} from '@lic/interfaces';
import type { PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint, TriadPeers } from '../peers/triad-peers.ts';
import { Alarm } from './alarm.ts';
import type { FolderBook } from './folder-book.ts';
import { type FormedRecord, formedSchema, isPartial } from './folder-record.ts';
import type { FormWord } from './form-word.ts';
import { answerMsMax, ask, byRank, firstOf, offerTo, type PeerState, type PeerView } from './offering.ts';

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
  /** An operator's, that two of three shall do. */
  readonly word: FormWord;
  readonly signal: AbortSignal;
  /** Called whenever what it waits for changes, with a sentence for status and log. */
  onWaiting(reason: string): void;
}

/** The triad that this server belongs to, and its own folder's incarnation: a member's where the formation names it, else a learner's. */
export interface JoinedTriad {
  readonly formed: FormedRecord;
  readonly incarnation: string;
  /** An operator's `lic recover` is not through. */
  readonly isRecovering: boolean;
}

/** How often the peers are asked while nothing tells of a change, ms. */
const pollMs = 200;
/**
 * Forms the triad or finds the one that this folder belongs to (triad.md, Forming). Resolves once this server's folder
 * is `formed`, durably; until then it waits, saying for what. Goes on answering the peers that still form. Rejects with
 * the signal's reason, or what the store throws.
 */
export async function formTriad(options: FormTriadOptions): Promise<JoinedTriad> {
  const { runtime, logger, network, signal, book } = options;
  const alarm = new Alarm(runtime, signal);
  network.onChange(() => alarm.ring());
  options.word.onGiven(() => alarm.ring());
  answerPeers(options, book, () => alarm.ring());

  let told = '';
  for (;;) {
    const { formed, incarnation, recovering } = book.record;
    if (formed !== undefined) {
      network.setInstance(formed.formation.instance);
      return { formed, incarnation, isRecovering: recovering === true };
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
  { calls, self, endpoints, licenseHash, isNew, word }: FormTriadOptions,
  book: FolderBook,
  onChange: () => void,
): void {
  calls.handle('forming.state', (): PeerState => {
    const { incarnation, formed = null } = book.record;
    return { kind: book.kind, incarnation, licenseHash, isNew, formed };
  });
  calls.handle('forming.offer', async (params, from) => {
    const offer = formedSchema.parse(params);
    if (from !== firstOf(endpoints)?.id && !isPartial(offer))
      throw new LicError('OFFER_REFUSED', 'Only the server of the lowest rank offers.');
    if (offer.licenseHash !== licenseHash) {
      throw new LicError('LICENSE_DIFFERS', `This server has the license ${licenseHash}, not ${offer.licenseHash}.`);
    }
    await book.agree(offer, self, from);
    return null;
  });
  calls.handle('forming.word', () => {
    word.give();
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
  if (isPartial(book.record.offer) || views.some(({ state }) => state === undefined)) {
    return formWithTwo(options, book, views);
  }
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
function obstacleOf({ licenseHash }: FormTriadOptions, views: readonly PeerView[]): string | undefined {
  for (const { endpoint, state } of views) {
    if (state !== undefined && state.licenseHash !== licenseHash) {
      return `${endpoint.name} has another license: ${state.licenseHash} there, ${licenseHash} here. All servers need the same file.`;
    }
  }
  for (const { endpoint, state } of views) {
    if (state?.kind === 'data')
      return `${endpoint.name} holds data of a triad, but no record of it: no forming with it.`;
  }
  return undefined;
}

/**
 * Not all are there: it takes an operator's word, or an offer that has followed from one. The lowest-ranked of the two that are
 * there offers; the third counts as absent, and is admitted when it comes (triad.md, Forming).
 */
async function formWithTwo(options: FormTriadOptions, book: FolderBook, views: readonly PeerView[]): Promise<string> {
  const { self, endpoints, word, calls } = options;
  const missing = views.filter(({ state }) => state === undefined).map(({ endpoint }) => endpoint);
  const { offer, offeredBy } = book.record;
  const pending = isPartial(offer) ? offer : undefined;
  if (pending !== undefined && offeredBy === self && !(word.isGiven && missing.length === 1)) {
    // Whoever comes meanwhile is not asked: the two may form with it at any moment.
    const named = pending.formation.members.filter(({ incarnation }) => incarnation !== absentIncarnation);
    const other = views.find(({ endpoint }) => endpoint.id !== self && named.some(({ id }) => id === endpoint.id));
    if (other?.state === undefined)
      return `${other?.endpoint.name} can't be reached. It was about to form with this server.`;
    return offerTo(options, book, [other]);
  }
  const offerer = endpoints.find(({ id }) => id === offeredBy && id !== self);
  const isOffererMissing = missing.some(({ id }) => id === offeredBy);
  if (pending !== undefined && offerer !== undefined && !(word.isGiven && isOffererMissing))
    return `${offerer.name} is about to form with this server.`;
  if (missing.length === 0) return 'all servers are there.';
  if (missing.length > 1 || !word.isGiven) return missingText(options, missing);

  const present = endpoints.filter(({ id }) => missing.every((endpoint) => endpoint.id !== id));
  const first = byRank(present)[0];
  // Who holds an offer of before lets nobody else's take its place.
  if (first?.id === self || pending !== undefined)
    return offerTo(
      options,
      book,
      views.filter(({ state }) => state !== undefined),
    );
  if (first !== undefined) await calls.call(first.id, 'forming.word', null, answerMsMax).catch(() => {});
  return `${first?.name} is about to offer.`;
}

function missingText({ network }: FormTriadOptions, missing: readonly PeerEndpoint[]): string {
  const refusals = network.refusals();
  const named = missing.map(({ id, name }) => {
    const why = refusals.filter(({ peer }) => peer === id).map(({ code, message }) => `${code}: ${message}`);
    return why.length === 0 ? name : `${name} (${why.join('; ')})`;
  });
  const exit = missing.length === 1 ? ' If it will not come: lic form.' : '';
  return `${named.join(' and ')} can't be reached. All servers must be up to form.${exit}`;
}
