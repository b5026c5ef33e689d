import { connectTo } from '@lic/client';
import { joinLicenses } from '@lic/core';
import { errorCode, errorMessage } from '@lic/interfaces';
import type { AdminRequest } from '@lic/protocol';
import {
  type MemoryNetwork,
  type SeededRandom,
  seededRandom,
  type VirtualRuntime,
  type VirtualWorld,
} from '@lic/testkit';
import type { Fail } from '../checks/violation.ts';
import { keyPair, type LicenseChanges, vendor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import { inControl } from '../faults/fault.ts';
import type { DeedKind } from '../faults/fault-kinds.ts';
import { drawFeatures } from './plan.ts';
import type { ScheduledDeed } from './schedule.ts';

/** What an {@link Operator} is made with. */
export interface OperatorParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly seed: number;
  readonly scheduled: readonly ScheduledDeed[];
  readonly servers: readonly ClusterServer[];
  readonly note: (who: string, what: string) => void;
  readonly fail: Fail;
  /** Ids of grants that stand, and of those among them that no client holds any more. */
  readonly standing: () => readonly string[];
  readonly abandoned: () => readonly string[];
  /** A server has begun to repair itself. */
  readonly repaired: () => void;
  /** Signs a license for these servers with other features. */
  readonly sign: (id: string, changes: LicenseChanges) => Promise<string>;
  /** The identity key of a machine that is to take the place of this server; undefined: that can't be now. */
  readonly successorOf: (server: ClusterServer) => Promise<string | undefined>;
}

/** What is to be asked, of whom. */
interface Question {
  readonly request: AdminRequest;
  readonly asked: ClusterServer;
  readonly what: string;
}

const host = 'operator';
const mendEveryMs = 1_000;
/** Of all reloads, so many try to exchange two servers at once. */
const exchangeShare = 0.15;
/** Of all reloads, so many are of two license files, and so many only say what they would change. */
const setShare = 0.4;
const dryRunShare = 0.15;
/** Of all revokes, so many take everything that the grant's holder has. */
const removeShare = 0.4;
/** What the identities of two servers that nobody has come from. */
const strangers = [98, 99] as const;

/** An administrator who does what the schedule says, each at its time. */
export class Operator {
  /** How often each deed was answered as done. */
  readonly counts = new Map<DeedKind, number>();
  readonly #parts: OperatorParts;
  readonly #runtime: VirtualRuntime;
  #isWorking = true;
  #underWay = 0;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#runtime = parts.world.runtime(host);
  }

  start(): void {
    const { world, scheduled } = this.#parts;
    for (const deed of scheduled)
      world.schedule(deed.atMs - world.nowMs, () => {
        if (this.#isWorking) void this.#do(deed);
      });
  }

  stop(): void {
    this.#isWorking = false;
  }

  /** Goes round and has every server repaired that is in trouble, until the returned function is called. */
  mend(): () => void {
    const { world, servers } = this.#parts;
    let isOver = false;
    const round = async (): Promise<void> => {
      for (const server of servers) {
        if (!server.isUp || !isInTrouble(server)) continue;
        const request: AdminRequest = { verb: 'repair' };
        await this.#ask({ request, asked: server, what: `repair at ${server.name}` });
      }
      if (!isOver) world.schedule(mendEveryMs, () => void round());
    };
    world.schedule(mendEveryMs, () => void round());
    return () => {
      isOver = true;
    };
  }

  /** Whether all that was asked is answered. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  async #do(deed: ScheduledDeed): Promise<void> {
    this.#underWay++;
    const question = await this.#questionOf(deed);
    if (question !== undefined && (await this.#ask(question)))
      this.counts.set(deed.kind, (this.counts.get(deed.kind) ?? 0) + 1);
    this.#underWay--;
  }

  async #questionOf({ id, kind, server: drawn }: ScheduledDeed): Promise<Question | undefined> {
    const { servers, seed } = this.#parts;
    const random = seededRandom(seed).fork(`deed/${id}`);
    const named = drawn === 'in-control' ? inControl(servers) : servers.find(({ rank }) => rank === drawn);
    const server = named ?? random.pick(servers);
    const request = await this.#requestOf(kind, { id, server, random });
    if (request === undefined) return undefined;
    const asked = random.pick(servers);
    const brief = 'license' in request ? { ...request, license: `license-${id}` } : request;
    return { request, asked, what: `${JSON.stringify(brief)} at ${asked.name}` };
  }

  async #requestOf(
    kind: DeedKind,
    { id, server, random }: { readonly id: number; readonly server: ClusterServer; readonly random: SeededRandom },
  ): Promise<AdminRequest | undefined> {
    switch (kind) {
      case 'revoke': {
        const abandoned = this.#parts.abandoned();
        const grants = abandoned.length > 0 && random.chance(0.7) ? abandoned : this.#parts.standing();
        if (grants.length === 0) return undefined;
        const grant = random.pick(grants);
        const holder = random.fork('remove').chance(removeShare) ? this.#holderOf(grant) : undefined;
        if (holder !== undefined) return { verb: 'remove', holder, reason: 'an operator takes it for dead' };
        return { verb: 'revoke', grants: [grant], reason: 'an operator says so' };
      }
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
      case 'exchange': {
        const key = await this.#parts.successorOf(server);
        if (key === undefined) return undefined;
        return { verb: 'reload', license: await this.#parts.sign(`license-${id}`, { keys: { [server.rank]: key } }) };
      }
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
      const more = set.chance(setShare) ? [{ ...set.pick(features), count: set.between(1, 2) }] : [];
      return more.length === 0 ? first : joinLicenses([first, await sign(`${id}-more`, { features: more })]);
    }
    const [second, third] = await Promise.all(strangers.map(keyPair));
    return sign(id, { features, keys: { 2: second?.publicKey ?? '', 3: third?.publicKey ?? '' } });
  }

  /** Answers whether it was done. */
  async #ask({ request, asked, what }: Question): Promise<boolean> {
    const { network, note, fail } = this.#parts;
    try {
      const connection = await connectTo(asked.address, {
        transports: [network.transport(host)],
        vendorKey: vendor.publicKey,
        runtime: this.#runtime,
      });
      try {
        const { message } = await connection.admin(request, asked.adminToken);
        note(host, `${what}: ${message}`);
        if (request.verb === 'repair') this.#parts.repaired();
        return true;
      } finally {
        connection.close();
      }
    } catch (error) {
      note(host, `${what}: ${errorCode(error)}`);
      if (errorCode(error) === 'INTERNAL') fail('bug', `${what}: ${errorMessage(error)}`);
      return false;
    }
  }
}

function isInTrouble({ state, server }: ClusterServer): boolean {
  return (state !== 'standby' && state !== 'in-control') || server.inspect().consensus?.trouble != null;
}
