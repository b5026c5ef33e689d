import { type Ledger, type LedgerResult, type License, ledgerLimits } from '@lic/core';
import {
  type Consensus,
  errorMessage,
  isLicError,
  LicError,
  type Logger,
  type PeerId,
  type Runtime,
} from '@lic/interfaces';
import { adminSchema } from '@lic/protocol';
import { z } from 'zod';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { ControlKeeper } from '../control/control-keeper.ts';
import type { ControlView } from '../control/control-view.ts';
import type { LicenseDesk } from '../license/license-desk.ts';
import { licensesOf } from '../license/licenses-of.ts';
import { previewReload } from '../license/reload-preview.ts';
import { checkServerExchange } from '../license/server-exchange.ts';
import type { Json, PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint, TriadPeers } from '../peers/triad-peers.ts';
import type { Propose, Unstamped } from '../propose.ts';
import type { BorrowDesk } from '../sessions/borrow-desk.ts';
import { type Circumstances, notInForce } from '../sessions/session-commands.ts';
import { findEndpoint } from './find-endpoint.ts';
import { grantsOf, type Holder, holderText } from './holder.ts';
import { PolicyDesk } from './policy-desk.ts';
import { inSlices } from './slices.ts';
import { type AdminOutcome, type ControlRequest, isLifeRequest, outcomeSchema } from './verbs.ts';

const checkSchema = z.object({ license: z.string() });

/** What verbs are carried out with. */
export interface AdminDeskParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly consensus: Pick<Consensus<LedgerResult>, 'status' | 'readBarrier'>;
  readonly propose: Propose;
  readonly borrows: BorrowDesk;
  readonly control: ControlKeeper;
  readonly clock: TriadClock;
  readonly license: LicenseDesk;
  readonly peers: TriadPeers;
  readonly calls: PeerCalls;
  readonly view: () => ControlView;
  /** What the server would stamp on a checkout of these features now. */
  readonly stampsFor: (features: readonly string[]) => Circumstances;
  readonly endpoints: () => readonly PeerEndpoint[];
}

/** How long the server in control may take for a forwarded verb, and a peer to check a license, ms. */
const forwardMs = 10_000;
const checkMs = 3_000;

/** Carries administrative verbs out, at the server in control; another forwards them over its authenticated peer link. */
export class AdminDesk {
  readonly #parts: AdminDeskParts;
  readonly #policy: PolicyDesk;

  constructor(parts: AdminDeskParts) {
    this.#parts = parts;
    this.#policy = new PolicyDesk({
      runtime: parts.runtime,
      ledger: parts.ledger,
      commit: (command) => this.#commit(command),
    });
    parts.calls.handle('admin.run', async (params, from) => {
      // A newer server may know verbs that this one does not.
      const request = adminSchema.shape.request.safeParse(params);
      if (!request.success || isLifeRequest(request.data))
        throw new LicError('ADMIN_FAILED', 'The server in control does not know this verb: it runs another version.');
      parts.logger.info('an administrative verb came from a peer', {
        from: this.#nameOf(from),
        verb: request.data.verb,
      });
      return (await this.#runHere(request.data)) as unknown as Json;
    });
    parts.calls.handle('license.check', async (params) => {
      await parts.license.verify(checkSchema.parse(params).license);
      return null;
    });
  }

  /** Throws `LicError`s: `NOT_IN_CONTROL`, `NO_QUORUM`, `ADMIN_FAILED` and the verb's own. */
  async run(request: ControlRequest): Promise<AdminOutcome> {
    const { license, peers } = this.#parts;
    const complete: ControlRequest =
      request.verb === 'reload' && request.license === undefined
        ? { ...request, license: (await this.#verifiedBy(peers.self, license.read())).text }
        : request;
    const { state, leader } = this.#parts.view();
    if (state === 'in-control') return this.#runHere(complete);
    if (leader === null || leader === this.#parts.peers.self) {
      throw new LicError(
        state === 'isolated' ? 'NO_QUORUM' : 'NOT_IN_CONTROL',
        'No server is known to be in control: administrative verbs need one. Try again, or see `lic status`.',
        { retryable: true },
      );
    }
    return outcomeSchema.parse(await this.#parts.calls.call(leader, 'admin.run', complete, forwardMs));
  }

  async #runHere(request: ControlRequest): Promise<AdminOutcome> {
    switch (request.verb) {
      case 'drain':
      case 'undrain':
        return this.#drain(this.#find(request.server), request.verb === 'drain');
      case 'transfer':
        return this.#transfer(request.to === undefined ? undefined : this.#find(request.to).id);
      case 'reload':
        return this.#reload(request.license ?? '', request.dryRun === true);
      case 'revoke':
        return this.#revoke(request.grants, request.reason);
      case 'remove':
        return this.#remove(request.holder, request.reason);
      case 'policyCheck':
      case 'policyApply':
      case 'policyShow':
      case 'policyExplain':
        return this.#policy.run(request);
      case 'explain':
        return this.#explain(request);
      case 'return':
        return this.#return(request.borrow);
      case 'time':
        return this.#time();
      case 'timeAccept':
        return this.#acceptTime();
    }
  }

  async #drain(server: PeerEndpoint, on: boolean): Promise<AdminOutcome> {
    await this.#commit({ kind: 'drain', server: server.id, on });
    return {
      message: on
        ? `${server.name} is drained: it stands for no election and gives control away. It votes, and stays so until undrained.`
        : `${server.name} is no longer drained.`,
      result: { server: server.name, drained: on },
    };
  }

  async #transfer(to: PeerId | undefined): Promise<AdminOutcome> {
    const target = await this.#parts.control.transfer(to);
    return {
      message: `${target.name} is in control now. Failback is suspended until the next unplanned change.`,
      result: { inControl: target.rank, name: target.name },
    };
  }

  /** Every reachable server verifies first; one refusal refuses it (triad.md, Reload). */
  async #reload(text: string, isDryRun: boolean): Promise<AdminOutcome> {
    const { runtime, license, ledger, peers, calls, consensus } = this.#parts;
    const verified = await this.#verifiedBy(peers.self, license.verify(text));
    const current = ledger.license();
    if (current !== null) checkServerExchange(current, verified.license, consensus.status().members);
    if (ledger.summary().licenseHash === verified.hash) {
      return { message: 'This license is in force already.', result: { licenseHash: verified.hash, changed: false } };
    }
    const reachable = peers.peers().filter((peer) => peers.isUp(peer));
    await Promise.all(
      reachable.map((peer) => this.#verifiedBy(peer, calls.call(peer, 'license.check', { license: text }, checkMs))),
    );
    const checked = [peers.self, ...reachable].map((peer) => this.#nameOf(peer));
    if (isDryRun) {
      const refusal = ledger.installRefusal(licensesOf(verified));
      if (refusal !== null) throw new LicError(refusal.code, refusal.message);
      const work = previewReload({
        textsBefore: ledger.licenseTexts(),
        textsAfter: verified.texts,
        before: current,
        after: verified.license,
        timeMs: ledger.summary().licenseTimeMs,
        pools: ledger.pools(),
        grants: ledger.grants(),
      });
      const preview = await inSlices(runtime, work);
      return {
        message: `A dry run: nothing has changed. ${checked.join(', ')} would take the license.`,
        result: { licenseHash: verified.hash, changed: false, dryRun: true, verifiedBy: checked, ...preview },
      };
    }
    await this.#commit({ kind: 'install', ...licensesOf(verified) });
    return {
      message: `${named(verified.licenses)} in force. Verified before by ${checked.join(', ')}.`,
      result: { licenseHash: verified.hash, changed: true, verifiedBy: checked },
    };
  }

  /** A server's refusal, with its name. */
  async #verifiedBy<Value>(peer: PeerId, verified: Promise<Value>): Promise<Value> {
    try {
      return await verified;
    } catch (error) {
      const server = this.#nameOf(peer);
      throw new LicError('LICENSE_REFUSED', `${server} refuses the license: ${errorMessage(error)}`, {
        cause: error,
        details: { server, reason: isLicError(error) ? error.code : 'INTERNAL' },
      });
    }
  }

  async #revoke(grants: readonly string[], reason: string): Promise<AdminOutcome> {
    const unknown = grants.filter((grant) => this.#parts.ledger.grant(grant) === undefined);
    if (unknown.length > 0) {
      throw new LicError(
        'ADMIN_FAILED',
        `No such grant: ${unknown.join(', ')}. \`lic status\` lists those that stand.`,
        {
          details: { reason: 'UNKNOWN_GRANT', grants: unknown },
        },
      );
    }
    await this.#commit({ kind: 'revoke', grants, reason });
    return {
      message: `${grants.length === 1 ? 'The grant is' : `${grants.length} grants are`} ending: seats come free once the client has stopped, at the latest when the hold has passed.`,
      result: { grants },
    };
  }

  /** All that a dead holder has, by whatever sessions; what it takes while this is under way is not looked for. */
  async #remove(holder: Holder, reason: string): Promise<AdminOutcome> {
    const { ledger } = this.#parts;
    const grants = [...grantsOf(ledger, holder)].filter(({ state }) => state === 'active').map(({ id }) => id);
    if (grants.length === 0) {
      throw new LicError(
        'ADMIN_FAILED',
        `${holderText(holder)} holds nothing that could be removed. \`lic status\` with a token lists who holds what.`,
        { details: { reason: 'UNKNOWN_HOLDER', ...holder } },
      );
    }
    for (let at = 0; at < grants.length; at += ledgerLimits.grantsPerCommandMax)
      await this.#commit({
        kind: 'revoke',
        grants: grants.slice(at, at + ledgerLimits.grantsPerCommandMax),
        reason,
        as: 'removed',
      });
    return {
      message: `${holderText(holder)} is removed: ${grants.length === 1 ? 'its grant is' : `its ${grants.length} grants are`} ending; seats come free once the client has stopped, at the latest when the hold has passed.`,
      result: { grants },
    };
  }

  /** The client is not asked: who borrowed goes on to the end of the borrow, if it still can. */
  async #return(borrow: string): Promise<AdminOutcome> {
    const view = this.#parts.ledger.borrow(borrow);
    if (view === undefined) {
      throw new LicError('ADMIN_FAILED', `No such borrow: ${borrow}. \`lic status\` lists those that stand.`, {
        details: { reason: 'UNKNOWN_BORROW', borrow },
      });
    }
    await this.#parts.borrows.giveBack(borrow);
    const { id, user, host, feature, count, untilMs } = view;
    return {
      message: `${id} is returned: its seats are free. ${user}@${host} can't be told, and may go on until ${new Date(untilMs ?? 0).toISOString()}.`,
      result: { borrow: id, user, host, feature, count, until: new Date(untilMs ?? 0).toISOString() },
    };
  }

  /** A quorum's word, as a checkout's would be. */
  async #explain({ verb: _verb, ...supposed }: Extract<ControlRequest, { verb: 'explain' }>): Promise<AdminOutcome> {
    const { consensus, ledger, stampsFor } = this.#parts;
    await consensus.readBarrier();
    const { user, host, feature, more = [] } = supposed;
    const { isPastQueue, isHalted } = stampsFor([feature, ...more.map((item) => item.feature)]);
    const why = notInForce(ledger.summary(), { more, isHalted });
    if (why !== undefined) throw new LicError('NOT_READY', why, { retryable: true });
    const found = ledger.forecast({ ...supposed, pastQueue: isPastQueue, isHalted });
    if (!found.granted) return { message: found.denial.message, result: { granted: false, ...found.denial } };
    const seats = found.seats.map((one) => `${seatsText(one.count)} of "${one.feature}" ${one.version}`);
    const [first, ...others] = found.seats;
    return {
      message: `${user} on ${host} would be granted ${seats.join(' and ')} now.`,
      result: { granted: true, ...first, ...(others.length === 0 ? {} : { more: others }) },
    };
  }

  #time(): AdminOutcome {
    const { ledger, clock, runtime } = this.#parts;
    const licenseTime = new Date(ledger.summary().licenseTimeMs).toISOString();
    const agreed = new Date(clock.stampMs()).toISOString();
    const pendingLeapMs = clock.pendingLeapMs();
    const clocks = [
      { server: this.#nameOf(this.#parts.peers.self), offsetMs: 0, alarm: clock.alarm },
      ...clock.reports().map(({ peer, offsetMs }) => ({
        server: this.#nameOf(peer),
        offsetMs: Math.round(offsetMs),
        alarm: clock.alarmOf(peer),
      })),
    ];
    return {
      message:
        pendingLeapMs === null
          ? `License time is ${licenseTime}.`
          : `License time is ${licenseTime}; the clocks are ${Math.round(pendingLeapMs / 60_000)} min ahead of it. Once they are right: lic time accept.`,
      result: { licenseTime, agreed, here: new Date(runtime.now()).toISOString(), pendingLeapMs, clocks },
    };
  }

  async #acceptTime(): Promise<AdminOutcome> {
    const { clock, ledger } = this.#parts;
    const leapMs = clock.pendingLeapMs();
    clock.acceptLeap();
    await this.#commit({ kind: 'acceptTime' });
    return {
      message:
        leapMs === null
          ? 'License time agrees with the clocks; there was nothing to accept.'
          : 'License time has moved to the clocks.',
      result: { licenseTime: new Date(ledger.summary().licenseTimeMs).toISOString(), leapMs },
    };
  }

  async #commit(command: Unstamped): Promise<void> {
    const { reply } = await this.#parts.propose(command);
    if (reply.kind === 'rejected') throw new LicError(reply.code, reply.message);
  }

  #find(wanted: string | undefined): PeerEndpoint {
    return findEndpoint(this.#parts.endpoints(), wanted);
  }

  #nameOf(peer: PeerId): string {
    return this.#parts.endpoints().find((endpoint) => endpoint.id === peer)?.name ?? peer;
  }
}

function seatsText(count: number): string {
  return count === 1 ? '1 seat' : `${count} seats`;
}

function named(licenses: readonly License[]): string {
  const ids = licenses.map(({ id }) => id);
  return ids.length === 1 ? `The license ${ids[0]} is` : `The ${ids.length} licenses ${ids.join(', ')} are`;
}
