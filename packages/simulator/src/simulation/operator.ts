import { connectTo } from '@lic/client';
import { errorCode, errorMessage } from '@lic/interfaces';
import type { AdminRequest } from '@lic/protocol';
import type { MemoryNetwork, SeededRandom, VirtualRuntime, VirtualWorld } from '@lic/testkit';
import type { Fail } from '../checks/violation.ts';
import { vendor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { OperatorDeed, Plan } from './plan.ts';
import { sleep } from './sleep.ts';

/** What an {@link Operator} is made with. */
export interface OperatorParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly plan: Plan;
  readonly random: SeededRandom;
  readonly servers: readonly ClusterServer[];
  readonly note: (who: string, what: string) => void;
  readonly fail: Fail;
  /** Ids of grants that clients hold now. */
  readonly held: () => readonly string[];
}

const host = 'operator';
const pauseMsMax = 6_000;

/** An administrator who revokes, drains and transfers, as the seed has it. */
export class Operator {
  readonly #parts: OperatorParts;
  readonly #runtime: VirtualRuntime;
  #isWorking = true;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#runtime = parts.world.runtime(host);
  }

  async work(): Promise<void> {
    const { random, plan } = this.#parts;
    while (this.#isWorking && plan.deeds.length > 0) {
      await sleep(this.#runtime, random.float() * pauseMsMax);
      if (this.#isWorking) await this.#ask(this.#draw(random.pick(plan.deeds)));
    }
  }

  stop(): void {
    this.#isWorking = false;
  }

  #draw(deed: OperatorDeed): AdminRequest | undefined {
    const { random, servers, held } = this.#parts;
    const server = random.pick(servers).name;
    switch (deed) {
      case 'revoke': {
        const grants = held();
        return grants.length === 0
          ? undefined
          : { verb: 'revoke', grants: [random.pick(grants)], reason: 'an operator says so' };
      }
      case 'drain':
        return random.chance(0.4) ? { verb: 'drain', server } : { verb: 'undrain', server };
      case 'transfer':
        return random.chance(0.5) ? { verb: 'transfer', to: server } : { verb: 'transfer' };
    }
  }

  async #ask(request: AdminRequest | undefined): Promise<void> {
    const { random, servers, network, note, fail } = this.#parts;
    if (request === undefined) return;
    const asked = random.pick(servers);
    const what = `${JSON.stringify(request)} at ${asked.name}`;
    try {
      const connection = await connectTo(asked.address, {
        transports: [network.transport(host)],
        vendorKey: vendor.publicKey,
        runtime: this.#runtime,
      });
      try {
        const { message } = await connection.admin(request, asked.adminToken);
        note(host, `${what}: ${message}`);
      } finally {
        connection.close();
      }
    } catch (error) {
      note(host, `${what}: ${errorCode(error)}`);
      if (errorCode(error) === 'INTERNAL') fail('bug', `${what}: ${errorMessage(error)}`);
    }
  }
}
