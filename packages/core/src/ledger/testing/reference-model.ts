import type { LedgerCommand, RevokeCommand } from '../commands.ts';
import type { Held } from './model-records.ts';
import { type ModelReply, rejected } from './model-replies.ts';
import { ModelRequests } from './model-requests.ts';
import { denial } from './model-seats.ts';
import { ahead, baseLeaseMs, borrowMarginMs, hold, inForce, type ModelFeature, poolsOf } from './model-terms.ts';

interface ModelLicense {
  readonly id: string;
  readonly supersedes?: readonly string[];
  readonly features: readonly ModelFeature[];
}

/** A command whose grants and queue places are named by key. */
export type ModelCommand = LedgerCommand;

/**
 * The rules of the ledger written for reading, not for speed: lists that are searched from end to end, nothing counted
 * along, nothing kept that could be found by looking. It has no limits, and ends everything due at once. Ids in commands
 * are keys.
 */
export class ReferenceModel extends ModelRequests {
  apply(command: ModelCommand): ModelReply {
    const reply = this.#run(command);
    // Who waits and needs no seat does not wait, but for open doors.
    for (const entry of this.isOpen ? this.queue() : []) {
      const part = this.firstOffered(this.usable(entry), entry);
      if (part !== undefined) this.serve(entry, part);
    }
    return reply;
  }

  #run(command: ModelCommand): ModelReply {
    this.timeMs = Math.max(this.timeMs, command.at);
    this.#passTime();
    for (const [id, ended] of this.past) if (ended.untilMs <= this.timeMs) this.past.delete(id);
    switch (command.kind) {
      case 'checkout':
      case 'cancel':
      case 'checkin':
      case 'goodbye':
      case 'acknowledge':
      case 'borrow':
        return this.answer(command);
      case 'resume':
        return this.resume(command);
      case 'assign': {
        const entry = this.waiting.find(({ key }) => key === command.entry);
        if (entry === undefined) return rejected('UNKNOWN_ENTRY');
        const client = this.clients.get(entry.session)!;
        if (!this.isOpen) return rejected('NOT_OPEN_YET');
        if (client.epoch !== command.epoch) return rejected('SUPERSEDED');
        const part = this.partFor(this.usable(entry), entry);
        if (part === undefined) return rejected('NO_SEATS');
        return { kind: 'granted', epoch: client.epoch, grant: this.serve(entry, part) };
      }
      case 'reclaim': {
        const client = this.clients.get(command.session);
        if (client === undefined) return rejected('UNKNOWN_SESSION');
        const things = [...this.heldBy(client), ...this.waitingOf(client)];
        const longest = things.length === 0 ? hold(baseLeaseMs) : Math.max(...things.map(({ holdMs }) => holdMs));
        if (longest <= command.silentMs) this.endClient(client, 'reclaimed');
        for (const grant of this.heldBy(client))
          if (grant.holdMs <= command.silentMs) this.end(grant, 'reclaimed', true);
        for (const entry of this.waitingOf(client))
          if (entry.holdMs <= command.silentMs)
            this.leave(entry, { type: 'ended', reason: 'reclaimed', isGrant: false, untoldSince: null });
        return { kind: 'ok' };
      }
      case 'settle':
        for (const grant of this.named(command.grants)) if (grant.ending !== null) this.end(grant, 'revoked', true);
        return { kind: 'ok' };
      case 'disconnect': {
        const client = this.clients.get(command.session);
        if (client === undefined) return rejected('UNKNOWN_SESSION');
        if (client.epoch !== command.epoch) return rejected('SUPERSEDED');
        for (const grant of this.heldBy(client))
          if (grant.reclaim === 'disconnect') this.end(grant, 'disconnected', true);
        return { kind: 'ok' };
      }
      case 'revoke': {
        const grants = this.named(command.grants);
        for (const grant of grants) grant.ending ??= endingOf(command);
        return grants.length === 0 ? rejected('UNKNOWN_GRANT') : { kind: 'ok' };
      }
      case 'acceptBorrow':
        return this.acceptBorrow(command);
      case 'return':
        return this.giveBack(command.borrow);
      case 'install': {
        const licenses = [command.license, ...(command.others ?? [])].map((text) => JSON.parse(text) as ModelLicense);
        const superseded = licenses.flatMap(({ supersedes = [] }) => supersedes);
        this.features = licenses.filter(({ id }) => !superseded.includes(id)).flatMap(({ features }) => features);
        for (const grant of this.held) if (this.pool(grant.pool) === undefined) grant.ending ??= { reason: 'removed' };
        this.lingering = this.lingering.filter((one) => this.pool(one.pool) !== undefined);
        this.#passTime();
        return { kind: 'ok' };
      }
      case 'policy':
        this.policy = command.document;
        this.#passTime();
        return { kind: 'ok' };
      case 'recover':
        this.isOpen = false;
        this.recoveredAtMs = this.timeMs;
        return { kind: 'ok' };
      case 'opened':
        this.isOpen = true;
        return { kind: 'ok' };
      default:
        return { kind: 'ok' };
    }
  }

  #passTime(): void {
    this.lingering = this.lingering.filter(({ untilMs }) => untilMs > this.timeMs);
    this.borrowed = this.borrowed.filter(({ untilMs }) => untilMs + borrowMarginMs > this.timeMs);
    for (const entry of [...this.waiting].sort((a, b) => a.untilMs - b.untilMs)) {
      if (entry.untilMs > this.timeMs) continue;
      this.leave(entry, null);
      const over = denial('WAIT_OVER', entry, this.seats(entry));
      this.clients.get(entry.session)!.past.set(entry.seq, { type: 'denied', denial: over });
    }
    for (const pool of poolsOf(this.features)) {
      const isOver = ahead(pool, this.timeMs).length < pool.parts.length && inForce(pool, this.timeMs).length === 0;
      for (const grant of this.held.filter((one) => isOver && one.pool === pool.key)) this.end(grant, 'expired', true);
      if (isOver) this.lingering = this.lingering.filter((one) => one.pool !== pool.key);
    }
    for (const entry of [...this.waiting]) {
      const barred = this.barred(entry);
      if (!this.isServable(entry)) this.leave(entry, { type: 'denied', denial: this.unfit(entry)! });
      else if (barred !== null) this.leave(entry, { type: 'denied', denial: this.unfit(entry) ?? barred });
    }
  }
}

function endingOf({ as, reason: note }: RevokeCommand): NonNullable<Held['ending']> {
  const reason = as ?? 'revoked';
  return note === '' ? { reason } : { reason, note };
}
