import { absentIncarnation, errorMessage, type Logger, type PeerId } from '@lic/interfaces';
import { z } from 'zod';
import type { Json, PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint } from '../peers/triad-peers.ts';
import type { FolderBook } from './folder-book.ts';
import { formedSchema } from './folder-record.ts';

/** How long a peer may take to answer, its disk included, ms. */
export const answerMsMax = 2_000;

const stateSchema = z.strictObject({
  kind: z.enum(['empty', 'data', 'formed']),
  incarnation: z.string().min(1).max(64),
  licenseHash: z.string(),
  isNew: z.boolean(),
  formed: formedSchema.nullable(),
});

/** What a server says of itself to those it is to form with. */
export type PeerState = z.infer<typeof stateSchema>;

/** One other server as it answered; undefined: it did not. */
export interface PeerView {
  readonly endpoint: PeerEndpoint;
  readonly state: PeerState | undefined;
}

/** Asks one other server. Never rejects. */
export async function ask(calls: PeerCalls, endpoint: PeerEndpoint): Promise<PeerView> {
  try {
    return { endpoint, state: stateSchema.parse(await calls.call(endpoint.id, 'forming.state', null, answerMsMax)) };
  } catch {
    return { endpoint, state: undefined };
  }
}

/** Who offers, and with what. */
export interface Offerer {
  readonly calls: PeerCalls;
  readonly logger: Logger;
  readonly self: PeerId;
  readonly endpoints: readonly PeerEndpoint[];
  readonly licenseHash: string;
  readonly isNew: boolean;
}

/**
 * Offers to form to all of `views`; who of the license's servers is not among them is absent. Where all have agreed, durably, this
 * server's folder is formed, and they are told. Answers what stands in the way otherwise.
 */
export async function offerTo(offerer: Offerer, book: FolderBook, views: readonly PeerView[]): Promise<string> {
  const { self, endpoints, calls, licenseHash, logger } = offerer;
  const incarnations = new Map(views.map(({ endpoint, state }) => [endpoint.id, state?.incarnation ?? '']));
  incarnations.set(self, book.record.incarnation);
  const members = byRank(endpoints).map(({ id }) => ({ id, incarnation: incarnations.get(id) ?? absentIncarnation }));
  const isPartial = incarnations.size < endpoints.length;
  // Of one that is absent nobody knows how it was started.
  const isNew = offerer.isNew && !isPartial && views.every(({ state }) => state?.isNew === true);
  const offer = await book.offer(members, licenseHash, isNew, isPartial ? self : undefined);
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

export function byRank(endpoints: readonly PeerEndpoint[]): readonly PeerEndpoint[] {
  return [...endpoints].sort((a, b) => a.rank - b.rank);
}

export function firstOf(endpoints: readonly PeerEndpoint[]): PeerEndpoint | undefined {
  return byRank(endpoints)[0];
}
