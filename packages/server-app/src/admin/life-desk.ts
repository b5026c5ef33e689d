import { LicError, type Logger, type PeerId } from '@lic/interfaces';
import { adminSchema } from '@lic/protocol';
import type { Json, PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint } from '../peers/triad-peers.ts';
import { serverFactsSchema } from '../status/server-facts.ts';
import { findEndpoint } from './find-endpoint.ts';
import { checkRecovery, checkRefill, type OtherServer, repairOf } from './life-checks.ts';
import type { LifeDeeds, OwnLife } from './own-life.ts';
import { type AdminOutcome, isLifeRequest, type LifeRequest, outcomeSchema } from './verbs.ts';

/** What the verbs are carried out with. */
export interface LifeDeskParts {
  readonly logger: Logger;
  readonly self: PeerId;
  readonly calls: PeerCalls;
  readonly endpoints: () => readonly PeerEndpoint[];
  readonly life: () => OwnLife;
  readonly deeds: LifeDeeds;
}

/** How long the named server may take to answer a forwarded verb, and another one for its facts, ms. */
const forwardMs = 10_000;
const factsMs = 1_000;

/**
 * Carries out `repair`, `form` and `recover`: also where there is no triad yet, or none any more. A verb that names another server is
 * forwarded to it over the authenticated peer link. Each is answered before it begins.
 */
export class LifeDesk {
  readonly #parts: LifeDeskParts;

  constructor(parts: LifeDeskParts) {
    this.#parts = parts;
    parts.calls.handle('life.run', async (params, from) => {
      const request = adminSchema.shape.request.safeParse(params);
      if (!request.success || !isLifeRequest(request.data))
        throw new LicError('ADMIN_FAILED', 'This server does not know the verb: it runs another version.');
      parts.logger.warn('an administrative verb came from a peer', { from, verb: request.data.verb });
      return (await this.#runHere(request.data)) as unknown as Json;
    });
  }

  /** Throws `LicError`s with the codes of the verbs (docs/recovery.md), or that of the link to the named server. */
  async run(request: LifeRequest): Promise<AdminOutcome> {
    const { endpoints, self, calls } = this.#parts;
    if (request.verb === 'form') return this.#form();
    const target = request.server === undefined ? self : findEndpoint(endpoints(), request.server).id;
    // Which process goes on is told to all others: anyone of them can be the one that is asked.
    if (request.verb === 'recover' && request.keep !== undefined) return this.#keep(target, request.keep);
    if (target === self) return this.#runHere(request);
    const { server: _, ...there } = request;
    return outcomeSchema.parse(await calls.call(target, 'life.run', there, forwardMs));
  }

  #runHere(request: LifeRequest): Promise<AdminOutcome> {
    switch (request.verb) {
      case 'repair':
        return this.#repair();
      case 'recover':
        return this.#recover();
      case 'form':
        return this.#form();
    }
  }

  async #repair(): Promise<AdminOutcome> {
    const { deeds, life } = this.#parts;
    const own = life();
    const server = this.#name;
    const repair = repairOf(own, server);
    if (repair.kind === 'refill') {
      checkRefill(server, await this.#others());
      deeds.refill(`${server} is refilled from the other servers. ${repair.why}`);
    } else deeds.reopen(`${server} opens its disk anew. ${repair.why}`);
    return {
      message:
        repair.kind === 'refill'
          ? `${server} drops what its data folder holds and is refilled from the other servers now; it has no vote until it has caught up and both others count it in. \`lic status\` shows when. It was: ${repair.why}`
          : `${server} opens its disk anew now, in the same process. It was: ${repair.why}`,
      result: { server, repair: repair.kind, why: repair.why },
    };
  }

  async #recover(): Promise<AdminOutcome> {
    const { deeds, life } = this.#parts;
    const server = this.#name;
    const own = life();
    checkRecovery(own, server, await this.#others());
    const why = `${server} was recovered by an operator: it goes on alone as a new triad instance.`;
    deeds.recover(why);
    const lost = own.damage === undefined ? '' : ` What its log held behind the damage in ${own.damage.file} is lost.`;
    return {
      message: `${server} goes on alone as a new triad instance.${lost} Checkouts open once one longest hold was waited; sessions that it does not know have ended. The other servers join with empty data folders.`,
      result: { server, damage: own.damage === undefined ? null : { ...own.damage } },
    };
  }

  async #form(): Promise<AdminOutcome> {
    const { deeds, life, endpoints } = this.#parts;
    const { folder, failure } = life();
    const refusal = (code: string, why: string) => new LicError(code, why, { details: { server: this.#name } });
    if (folder === 'formed')
      throw refusal('FORM_NOT_NEEDED', `${this.#name} belongs to a triad that has formed: see \`lic status\`.`);
    if (folder !== 'empty' || failure !== null) {
      const what = failure?.message ?? 'its data folder holds a log of a triad, but no record of it.';
      throw refusal('FORM_NOT_POSSIBLE', `${this.#name} can't form: ${what}`);
    }
    const { isFormed, why, absent } = await deeds.form();
    if (!isFormed) throw refusal('FORM_NOT_POSSIBLE', `No triad has formed: ${why}`);
    const nameOf = (id: PeerId): string => endpoints().find((endpoint) => endpoint.id === id)?.name ?? id;
    const missing = absent.map(nameOf);
    const tail =
      missing.length === 0
        ? ''
        : ` ${missing.join(' and ')} was not there: it is let in when it comes with an empty data folder. Checkouts open once one longest hold was waited.`;
    return { message: `The triad has formed.${tail}`, result: { absent: missing } };
  }

  async #keep(peer: PeerId, keep: true | string): Promise<AdminOutcome> {
    const { deeds, self, endpoints } = this.#parts;
    if (keep === true && peer !== self) {
      throw new LicError(
        'ADMIN_FAILED',
        'Say which process of that server goes on: its boot id stands in `lic status` where two answer. Without one, ask the process that is to go on.',
        { details: { reason: 'BOOT_ID_NEEDED' } },
      );
    }
    await deeds.keep(peer, keep === true ? undefined : keep);
    const server = endpoints().find(({ id }) => id === peer)?.name ?? peer;
    return {
      message: `The process of ${server} that was named goes on. The other one gets no link any more: stop it.`,
      result: { server, kept: keep === true ? 'this' : keep },
    };
  }

  async #others(): Promise<readonly OtherServer[]> {
    const { calls, endpoints, self } = this.#parts;
    const others = endpoints().filter(({ id }) => id !== self);
    return Promise.all(
      others.map(async ({ id, name }): Promise<OtherServer> => {
        try {
          const { state } = serverFactsSchema.parse(await calls.call(id, 'status.facts', null, factsMs));
          return { name, state };
        } catch {
          return { name, state: 'unreachable' };
        }
      }),
    );
  }

  get #name(): string {
    const { endpoints, self } = this.#parts;
    return endpoints().find(({ id }) => id === self)?.name ?? self;
  }
}
