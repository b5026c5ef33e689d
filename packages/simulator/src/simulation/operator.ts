import { connectTo } from '@lic/client';
import { errorCode, errorMessage } from '@lic/interfaces';
import type { AdminRequest } from '@lic/protocol';
import { type MemoryNetwork, seededRandom, type VirtualRuntime, type VirtualWorld } from '@lic/testkit';
import type { Fail } from '../checks/violation.ts';
import { vendor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import { inControl } from '../faults/fault.ts';
import type { DeedKind } from '../faults/fault-kinds.ts';
import type { Deeds } from './deeds.ts';
import { noPolicy } from './policies.ts';
import type { ScheduledDeed } from './schedule.ts';
import { sleep } from './sleep.ts';

/** What an {@link Operator} is made with. */
export interface OperatorParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly seed: number;
  readonly scheduled: readonly ScheduledDeed[];
  readonly servers: readonly ClusterServer[];
  readonly note: (who: string, what: string) => void;
  readonly fail: Fail;
  readonly deeds: Deeds;
  /** What was asked, and what came of it: `done`, or the code of an error. */
  readonly answered: (request: AdminRequest, outcome: string) => void;
}

/** What is to be asked, of whom. */
interface Question {
  readonly request: AdminRequest;
  readonly asked: ClusterServer;
  readonly what: string;
}

const host = 'operator';
const mendEveryMs = 1_000;

/** An administrator who does what the schedule says, each at its time. */
export class Operator {
  /** How often each deed was answered as done. */
  readonly counts = new Map<DeedKind, number>();
  readonly #parts: OperatorParts;
  readonly #deeds: Deeds;
  readonly #runtime: VirtualRuntime;
  #isWorking = true;
  #underWay = 0;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#deeds = parts.deeds;
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

  /** Takes all rules back, for as long as it takes. */
  async liftPolicy(): Promise<void> {
    const { servers } = this.#parts;
    const isInForce = (): boolean =>
      servers.some(({ isUp, server }) => isUp && (server.inspect().ledger.policy()?.document.rules.length ?? 0) > 0);
    const request: AdminRequest = { verb: 'policyApply', text: noPolicy };
    for (let at = 0; isInForce(); at++) {
      const asked = servers[at % servers.length]!;
      if (await this.#ask({ request, asked, what: `no policy at ${asked.name}` })) return;
      await sleep(this.#runtime, mendEveryMs);
    }
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
    const request = await this.#deeds.requestOf(kind, { id, server, random });
    if (request === undefined) return undefined;
    const asked = random.pick(servers);
    const brief =
      'license' in request
        ? { ...request, license: `license-${id}` }
        : 'text' in request
          ? { ...request, text: `policy-${id}` }
          : request;
    return { request, asked, what: `${JSON.stringify(brief)} at ${asked.name}` };
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
        this.#parts.answered(request, 'done');
        return true;
      } finally {
        connection.close();
      }
    } catch (error) {
      note(host, `${what}: ${errorCode(error)}`);
      this.#parts.answered(request, errorCode(error) ?? '');
      if (errorCode(error) === 'INTERNAL') fail('bug', `${what}: ${errorMessage(error)}`);
      return false;
    }
  }
}

function isInTrouble({ state, server }: ClusterServer): boolean {
  return (state !== 'standby' && state !== 'in-control') || server.inspect().consensus?.trouble != null;
}
