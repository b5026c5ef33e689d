import type { Denial, EndReason, GrantView, LedgerReply } from '../results.ts';

/** A grant is known by its session and checkout, so that the model needs no ids. */
export type Key = `${string}/${number}`;

/** `rule`: where it stands; its text is left out. */
export type ModelDenial = Omit<Denial, 'message' | 'feature' | 'rule'> & { readonly rule: string };
/** `share`: by key. */
export type ModelGrant = Omit<GrantView, 'id'>;

/** A ledger reply without texts and ids. */
export type ModelReply =
  | {
      readonly kind: 'granted';
      readonly epoch: number;
      readonly grant: ModelGrant;
      readonly more?: readonly ModelGrant[];
    }
  | {
      readonly kind: 'queued';
      readonly epoch: number;
      readonly key: Key;
      readonly position: number;
      readonly untilMs: number;
    }
  | { readonly kind: 'denied'; readonly epoch: number; readonly denial: ModelDenial }
  | { readonly kind: 'done'; readonly epoch: number }
  | {
      readonly kind: 'resumed';
      readonly epoch: number;
      readonly grants: readonly ModelGrant[];
      readonly queue: readonly Key[];
      readonly ended: readonly string[];
    }
  | { readonly kind: 'borrowed'; readonly epoch: number; readonly borrow: ModelGrant }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: EndReason | undefined }
  | { readonly kind: 'ok' }
  | { readonly kind: 'rejected'; readonly code: string };

/** What the model says of a ledger's reply: its texts and ids left out. `keyOfGrant`: by the ledger's id. */
export function withoutIds(reply: LedgerReply, keyOfGrant: (id: string) => Key): ModelReply {
  switch (reply.kind) {
    case 'granted': {
      const { epoch, grant, more } = reply;
      const shown = { kind: 'granted' as const, epoch, grant: withoutId(grant, keyOfGrant) };
      return more === undefined ? shown : { ...shown, more: more.map((one) => withoutId(one, keyOfGrant)) };
    }
    case 'queued': {
      const { session, checkoutSeq, position, untilMs } = reply.entry;
      return { kind: 'queued', epoch: reply.epoch, key: keyOf(session, checkoutSeq), position, untilMs };
    }
    case 'denied': {
      const { message: _message, feature: _feature, rule, ...denial } = reply.denial;
      return { kind: 'denied', epoch: reply.epoch, denial: { ...denial, rule: `${rule?.source} ${rule?.where}` } };
    }
    case 'resumed':
      return {
        kind: 'resumed',
        epoch: reply.epoch,
        grants: reply.grants.map((grant) => withoutId(grant, keyOfGrant)),
        queue: reply.queue.map(({ session, checkoutSeq }) => keyOf(session, checkoutSeq)),
        ended: reply.ended.map(({ grant, reason }) => `${keyOfGrant(grant)} ${reason}`).sort(),
      };
    case 'borrowed':
      return { kind: 'borrowed', epoch: reply.epoch, borrow: withoutId(reply.borrow, keyOfGrant) };
    case 'refused':
      return refused(reply.code, reply.reason);
    case 'rejected':
      return rejected(reply.code);
    default:
      return reply;
  }
}

export function keyOf(session: string, seq: number): Key {
  return `${session}/${seq}`;
}

/** A grant as the model shows it. */
export function withoutId({ id: _id, share, ...grant }: GrantView, keyOfGrant: (id: string) => Key): ModelGrant {
  return share === undefined ? grant : { ...grant, share: keyOfGrant(share) };
}

export function refused(code: string, reason?: EndReason): ModelReply {
  return { kind: 'refused', code, reason };
}

export function rejected(code: string): ModelReply {
  return { kind: 'rejected', code };
}
