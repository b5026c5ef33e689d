import { joinLicenses } from '@lic/core';
import type { AdminRequest } from '@lic/protocol';
import type { SeededRandom } from '@lic/testkit';
import { type Feature, keyPair, type LicenseChanges } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { DeedKind } from '../faults/fault-kinds.ts';
import { displays, drawUse, identityOf, type Said } from './identities.ts';
import { drawFeatures } from './plan.ts';
import { drawPolicy } from './policies.ts';

/** What {@link Deeds} are drawn from. */
export interface DeedsParts {
  readonly servers: readonly ClusterServer[];
  /** Ids of grants that stand, and of those among them that no client holds any more. */
  readonly standing: () => readonly string[];
  readonly abandoned: () => readonly string[];
  /** Of the license in force. */
  readonly features: () => readonly Feature[];
  readonly says: readonly Said[];
  /** Signs a license for these servers with other features. */
  readonly sign: (id: string, changes: LicenseChanges) => Promise<string>;
  /** The identity key of a machine that is to take the place of this server; undefined: that can't be now. */
  readonly successorOf: (server: ClusterServer) => Promise<string | undefined>;
}

/** Which deed it is, whom it is about, and what the rest of it is drawn from. */
export interface DeedDetails {
  readonly id: number;
  readonly server: ClusterServer;
  readonly random: SeededRandom;
}

/** Of all reloads, so many try to exchange two servers at once. */
const exchangeShare = 0.15;
/** Of all reloads, so many are of two license files, and so many only say what they would change. */
const setShare = 0.4;
const dryRunShare = 0.15;
/** Of all revokes, so many take everything that the grant's holder has. */
const removeShare = 0.4;
/** What the identities of two servers that nobody has come from. */
const strangers = [98, 99] as const;
/** Somebody whom questions are about. */
const askedSlots = 6;

/** What an administrator asks of a server for each kind of deed. */
export class Deeds {
  readonly #parts: DeedsParts;

  constructor(parts: DeedsParts) {
    this.#parts = parts;
  }

  /** Undefined: there is nothing to do. */
  async requestOf(kind: DeedKind, details: DeedDetails): Promise<AdminRequest | undefined> {
    const { id, server, random } = details;
    switch (kind) {
      case 'revoke':
        return this.#revoke(random);
      case 'drain':
      case 'undrain':
        return { verb: kind, server: server.name };
      case 'transfer':
        return random.chance(0.5) ? { verb: 'transfer', to: server.name } : { verb: 'transfer' };
      case 'reload':
        return {
          verb: 'reload',
          license: await this.#license(`license-${id}`, random),
          ...(random.fork('dry run').chance(dryRunShare) ? { dryRun: true } : {}),
        };
      case 'timeAccept':
        return { verb: 'timeAccept' };
      case 'repair':
        return { verb: 'repair', server: server.name };
      case 'policy':
        return { verb: 'policyApply', text: drawPolicy(random, this.#parts.features()) };
      case 'ask':
        return this.#ask(details);
      case 'exchange': {
        const key = await this.#parts.successorOf(server);
        if (key === undefined) return undefined;
        return { verb: 'reload', license: await this.#parts.sign(`license-${id}`, { keys: { [server.rank]: key } }) };
      }
    }
  }

  #revoke(random: SeededRandom): AdminRequest | undefined {
    const abandoned = this.#parts.abandoned();
    const grants = abandoned.length > 0 && random.chance(0.7) ? abandoned : this.#parts.standing();
    if (grants.length === 0) return undefined;
    const grant = random.pick(grants);
    const holder = random.fork('remove').chance(removeShare) ? this.#holderOf(grant) : undefined;
    if (holder !== undefined) return { verb: 'remove', holder, reason: 'an operator takes it for dead' };
    return { verb: 'revoke', grants: [grant], reason: 'an operator says so' };
  }

  /** Something that changes nothing. */
  async #ask({ id, random }: DeedDetails): Promise<AdminRequest> {
    const { features, says } = this.#parts;
    const host = `client-${random.between(1, askedSlots)}`;
    const { user, ...rest } = identityOf(host, says);
    const { name: feature, version } = random.pick(features());
    switch (random.pick(['check', 'check', 'explainPolicy', 'explain', 'explain', 'show', 'reload', 'time'])) {
      case 'check':
        return { verb: 'policyCheck', text: drawPolicy(random, features()) };
      case 'explainPolicy':
        return { verb: 'policyExplain', user, feature, ...rest, display: random.pick(displays) };
      case 'explain': {
        const { display, releasedAt } = drawUse(random, says);
        const use = {
          ...(display === undefined ? {} : { display }),
          ...(releasedAt === undefined ? {} : { releasedAt }),
        };
        const count = random.between(1, 3);
        return { verb: 'explain', user, host, feature, count, ...use, ...(random.chance(0.3) ? { version } : {}) };
      }
      case 'show':
        return { verb: 'policyShow' };
      case 'reload':
        return { verb: 'reload', license: await this.#license(`license-${id}`, random), dryRun: true };
      default:
        return { verb: 'time' };
    }
  }

  /** Who holds a grant, as some server that is up has it: by session, or as the user on the host. */
  #holderOf(id: string): Extract<AdminRequest, { verb: 'remove' }>['holder'] | undefined {
    const up = this.#parts.servers.filter(({ isUp }) => isUp);
    const grant = up.map(({ server }) => server.inspect().ledger.grant(id)).find((one) => one !== undefined);
    if (grant === undefined) return undefined;
    const { session, user, host: at } = grant;
    return id.length % 2 === 0 && session !== '' ? { session } : { user, host: at };
  }

  async #license(id: string, random: SeededRandom): Promise<string> {
    const { servers, sign } = this.#parts;
    const features = drawFeatures(random);
    // Sometimes one that exchanges two servers at once, which is refused.
    if (servers.length < 3 || !random.fork('exchange').chance(exchangeShare)) {
      const first = await sign(id, { features });
      const set = random.fork('set');
      // More seats of a feature, in a file of their own.
      const more = set.chance(setShare) ? [moreOf(set.pick(features), set.between(1, 2))] : [];
      return more.length === 0 ? first : joinLicenses([first, await sign(`${id}-more`, { features: more })]);
    }
    const [second, third] = await Promise.all(strangers.map(keyPair));
    return sign(id, { features, keys: { 2: second?.publicKey ?? '', 3: third?.publicKey ?? '' } });
  }
}

/** The same feature again, with seats that are counted. */
function moreOf({ overdraft: _overdraft, ...feature }: Feature, count: number): Feature {
  return { ...feature, count };
}
