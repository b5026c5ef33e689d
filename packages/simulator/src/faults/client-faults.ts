import type { SeededRandom } from '@lic/testkit';
import type { Plan } from '../simulation/plan.ts';
import { type FaultDeed, type FaultTools, type Injected, longEnoughMs, someProduct } from './fault.ts';
import { partition } from './network-faults.ts';

type ClientFault = 'cutClient' | 'clientDeath' | 'clientPause';

/** What befalls clients. */
export function clientFaults(tools: FaultTools): Record<ClientFault, FaultDeed> {
  const { plan, servers } = tools;
  return {
    cutClient: ({ random }) => {
      const product = someProduct(tools, random);
      if (product === undefined) return undefined;
      const [how, all] = [random.float(), random.chance(0.6)];
      const cut = servers.map(({ name }) => name).filter(() => all || random.chance(0.7));
      const done = partition(tools, [product.name], cut);
      if (how < 0.35) return done;
      if (how < 0.65) return { ...done, ...untilReclaim(plan, random) };
      return { ...done, lastsMs: justInTimeMs(tools, product.name, random) };
    },
    clientDeath: ({ random }) => {
      const product = someProduct(tools, random);
      if (product === undefined) return undefined;
      product.kill(random.pick(['reset', 'orderly', 'silence']));
      tools.buried(product);
      return { what: product.name };
    },
    clientPause: ({ random }) => {
      const product = someProduct(tools, random);
      if (product === undefined) return undefined;
      const { runtime, name } = product;
      runtime.pause();
      return {
        what: name,
        disturbs: { hosts: [name] },
        undo: () => runtime.resume(),
        ...(random.chance(0.5) ? untilReclaim(plan, random) : {}),
      };
    },
  };
}

/** What silences a client ends when it matters: just when its seats are reclaimed. */
function untilReclaim(plan: Plan, random: SeededRandom): Partial<Injected> {
  return { lastsMs: longEnoughMs(plan, random), endsInReclaim: true };
}

/** So long that its resume arrives about when its hold passes: a tick before, or a tick after. */
function justInTimeMs({ servers, plan }: FaultTools, client: string, random: SeededRandom): number {
  const ledger = servers.find(({ state }) => state === 'in-control')?.server.inspect().ledger;
  let holdMs = longEnoughMs(plan, random);
  for (const grant of ledger?.grants() ?? []) if (grant.host === client) holdMs = Math.min(holdMs, grant.holdMs);
  const wayMs = 4 * plan.latency.maxMs;
  return Math.max(0, holdMs - wayMs + (random.float() * 4 - 2) * plan.timing.roundMs);
}
