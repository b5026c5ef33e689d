import type { BorrowCommand, CheckoutCommand, LedgerCommand, ResumeCommand, SessionRequest } from '../commands.ts';
import { ModelBorrows } from './model-borrows.ts';
import { granted, itemsOf } from './model-checkouts.ts';
import type { Client } from './model-records.ts';
import { keyOf, type ModelReply, refused } from './model-replies.ts';

/** The requests of a session: in order, each carried out once, and answered again as things stand. */
export class ModelRequests extends ModelBorrows {
  protected answer(request: Extract<LedgerCommand, SessionRequest>): ModelReply {
    if (request.awaited > request.seq) return refused('REFUSED');
    let client = this.clients.get(request.session);
    if (client === undefined) {
      const ended = this.past.get(request.session);
      if (ended !== undefined)
        return request.kind === 'goodbye' ? { kind: 'done', epoch: 0 } : refused('ENDED', ended.reason);
      if (!mayOpen(request) || request.seq !== 1 || request.epoch !== 0) return this.unknown(request.kind);
      if (request.opening === undefined) return refused('REFUSED');
      const { attempt: openAttempt, session: id } = request;
      client = {
        id,
        ...request.opening,
        epoch: 1,
        floor: 0,
        openAttempt,
        resume: null,
        lastSeq: 0,
        awaited: 1,
        past: new Map(),
      };
      this.clients.set(id, client);
    } else if (request.seq === 1 && request.epoch === 0) {
      if (!mayOpen(request) || request.opening?.secretHash !== client.secretHash) return refused('REFUSED');
      if (client.lastSeq > lastSeqOf(request) || client.resume !== null || request.attempt < client.openAttempt)
        return refused('SUPERSEDED');
      if (request.attempt > client.openAttempt) client.epoch++;
      client.openAttempt = request.attempt;
    } else {
      if (request.epoch !== client.epoch) return refused('SUPERSEDED');
      this.#showEpoch(client);
    }
    if (request.seq > client.lastSeq + 1) return refused('REFUSED');
    client.awaited = Math.max(client.awaited, request.awaited);
    this.drop(client);
    if (request.seq === client.lastSeq + 1) {
      client.lastSeq = lastSeqOf(request);
      return this.#carryOut(client, request);
    }
    if (request.seq < client.awaited) return refused('REFUSED');
    if (request.kind === 'cancel' && client.past.get(request.seq)?.type === 'done')
      return this.#cancel(client, request.checkoutSeq);
    if (request.kind !== 'checkout' || request.more === undefined) return this.became(client, request.seq);
    const keys = itemsOf(request).map((_, at) => keyOf(client.id, request.seq + at));
    const standing = this.held.filter(({ key, ending }) => keys.includes(key) && ending === null);
    return standing.length === 0
      ? this.became(client, request.seq)
      : granted(
          client.epoch,
          standing.map((grant) => this.view(grant)),
          request,
        );
  }

  #carryOut(client: Client, request: Extract<LedgerCommand, SessionRequest>): ModelReply {
    const done = { kind: 'done' as const, epoch: client.epoch };
    const refuse = () => {
      client.past.set(request.seq, { type: 'refused' });
      return refused('REFUSED');
    };
    switch (request.kind) {
      case 'checkout':
        return this.checkout(client, request);
      case 'borrow':
        return this.borrow(client, request);
      case 'cancel':
        if (request.checkoutSeq >= request.seq) return refuse();
        client.past.set(request.seq, { type: 'done' });
        return this.#cancel(client, request.checkoutSeq);
      case 'checkin': {
        const grant = this.heldBy(client).find(({ key }) => key === request.grant);
        const ended = [...client.past].some(
          ([seq, past]) => keyOf(client.id, seq) === request.grant && past.type === 'ended' && past.isGrant,
        );
        if (grant === undefined && !ended) return refuse();
        if (grant !== undefined) this.end(grant, 'checkedIn', false);
        client.past.set(request.seq, { type: 'done' });
        return done;
      }
      case 'acknowledge':
        for (const grant of this.heldBy(client))
          if (request.grants.includes(grant.key) && grant.ending !== null) this.end(grant, 'revoked', false);
        for (const [seq, past] of client.past)
          if (past.type === 'ended' && request.grants.includes(keyOf(client.id, seq))) past.untoldSince = null;
        this.drop(client);
        client.past.set(request.seq, { type: 'done' });
        return done;
      case 'goodbye':
        this.endClient(client, 'sessionEnded');
        return done;
    }
  }

  /** Neither the session is known, nor its end: a recovery may have lost it. */
  protected unknown(kind: string): ModelReply {
    if (this.recoveredAtMs === null) return refused('UNKNOWN_SESSION');
    return kind === 'goodbye' ? { kind: 'done', epoch: 0 } : refused('ENDED', 'recovered');
  }

  #cancel(client: Client, checkoutSeq: number): ModelReply {
    const entry = this.waitingOf(client).find(({ seq }) => seq === checkoutSeq);
    if (entry !== undefined) this.leave(entry, { type: 'refused' });
    const isHeld = this.heldBy(client).some(({ seq }) => seq === checkoutSeq);
    return isHeld ? this.became(client, checkoutSeq) : { kind: 'done', epoch: client.epoch };
  }

  protected resume(command: ResumeCommand): ModelReply {
    const client = this.clients.get(command.session);
    const ended = this.past.get(command.session);
    if (client === undefined) return ended === undefined ? this.unknown('resume') : refused('ENDED', ended.reason);
    if (client.secretHash !== command.secretHash) return refused('REFUSED');
    const isRepeat = client.resume?.request === command.request;
    if (
      isRepeat ? command.attempt < client.resume!.attempt : command.epoch < client.floor || command.epoch > client.epoch
    )
      return refused('SUPERSEDED');
    if (!isRepeat && command.epoch === client.epoch) this.#showEpoch(client);
    if (!isRepeat || command.attempt > client.resume!.attempt) {
      client.epoch++;
      if (!isRepeat) client.floor = client.epoch;
      client.resume = { request: command.request, attempt: command.attempt };
      for (const past of client.past.values())
        if (past.type === 'ended' && past.untoldSince !== null) past.untoldSince = client.epoch;
    }
    return {
      kind: 'resumed',
      epoch: client.epoch,
      grants: this.heldBy(client).map((grant) => this.view(grant)),
      queue: this.waitingOf(client).map(({ key }) => key),
      ended: [...client.past]
        .flatMap(([seq, past]) =>
          past.type === 'ended' && past.isGrant ? [`${keyOf(client.id, seq)} ${past.reason}`] : [],
        )
        .sort(),
    };
  }

  /** The client knows the newest epoch, so what was told with it was heard. */
  #showEpoch(client: Client): void {
    for (const past of client.past.values())
      if (past.type === 'ended' && typeof past.untoldSince === 'number') past.untoldSince = null;
    this.drop(client);
  }
}

function mayOpen(request: Extract<LedgerCommand, SessionRequest>): request is CheckoutCommand | BorrowCommand {
  return request.kind === 'checkout' || request.kind === 'borrow';
}

function lastSeqOf(request: Extract<LedgerCommand, SessionRequest>): number {
  return request.seq + (request.kind === 'checkout' ? itemsOf(request).length - 1 : 0);
}
