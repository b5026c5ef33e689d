import type { GrantView, LedgerReply, QueueView } from '@lic/core';
import type { ServerMessage, WireGrant, WireQueuePlace } from '@lic/protocol';
import { errorReply } from '../clients/refusals.ts';
import { masked } from '../status/masked.ts';

/** What an answer answers: the request's id on its connection, and its sequence number. */
export interface Answered {
  /** Absent where it comes unasked. */
  readonly id?: number;
  readonly seq: number;
  /** Who asked: the only one whom a denial's holders are named to. */
  readonly user: string | undefined;
}

/** The message that tells a client what the ledger replied to its request. */
export function replyMessage(asked: Answered & { readonly id: number }, reply: LedgerReply): ServerMessage {
  const { user: _user, ...to } = asked;
  switch (reply.kind) {
    case 'granted':
      return {
        t: 'granted',
        ...to,
        epoch: reply.epoch,
        grant: wireGrant(reply.grant),
        ...(reply.more === undefined ? {} : { more: reply.more.map(wireGrant) }),
      };
    case 'queued':
      return { t: 'queued', ...to, epoch: reply.epoch, place: wirePlace(reply.entry) };
    case 'denied':
      return deniedMessage(asked, reply);
    case 'done':
      return { t: 'done', ...to, epoch: reply.epoch };
    case 'resumed':
      return {
        t: 'resumed',
        id: to.id,
        epoch: reply.epoch,
        grants: reply.grants.map(wireGrant),
        queue: reply.queue.map(wirePlace),
        ended: reply.ended.map(({ grant, reason }) => ({ grant, reason })),
      };
    case 'refused':
      return errorReply(reply.code, reply.message, {
        id: to.id,
        ...(reply.reason === undefined ? {} : { reason: reply.reason }),
      });
    case 'ok':
    // With its token it is answered where that is signed.
    case 'borrowed':
      return errorReply('INTERNAL', 'The ledger answered a session as it answers an administrator.', { id: to.id });
    case 'rejected':
      return errorReply('REFUSED', reply.message, { id: to.id, details: { reason: reply.code } });
  }
}

/** A denial with its facts, as an answer or unasked. Other users who hold seats are masked, as in a status without a token. */
export function deniedMessage(
  { user, ...to }: Answered,
  reply: Pick<Extract<LedgerReply, { kind: 'denied' }>, 'epoch' | 'denial'>,
): ServerMessage {
  const { holders, versions, ...facts } = reply.denial;
  return {
    t: 'denied',
    ...to,
    epoch: reply.epoch,
    denial: {
      ...facts,
      ...(holders === undefined
        ? {}
        : { holders: holders.map((holder) => (holder.user === user ? { ...holder } : { ...holder, ...masked })) }),
      ...(versions === undefined ? {} : { versions: [...versions] }),
    },
  };
}

/** A grant as its own client is told of it. */
export function wireGrant(grant: GrantView): WireGrant {
  const {
    id,
    feature,
    version,
    count,
    sinceMs,
    leaseMs,
    reclaim,
    checkoutSeq,
    inGrace,
    overdraft,
    share,
    vendorData,
    ending,
  } = grant;
  // What no session holds is told to nobody, so it is one of the two.
  const state = grant.state === 'ending' ? 'ending' : 'active';
  const shown: WireGrant = { id, feature, version, count, sinceMs, leaseMs, reclaim, state, checkoutSeq };
  if (inGrace !== undefined) shown.inGrace = inGrace;
  if (overdraft !== undefined) shown.overdraft = overdraft;
  if (share !== undefined) shown.share = share;
  if (vendorData !== undefined) shown.vendorData = vendorData;
  return ending === undefined ? shown : { ...shown, ending };
}

/** A queue place as its own client is told of it. */
export function wirePlace(place: QueueView): WireQueuePlace {
  const { id, feature, count, checkoutSeq, position, untilMs } = place;
  return { id, feature, count, checkoutSeq, position, untilMs };
}
