import { type Client, createClient, type Grant } from '@lic/client';
import { errorMessage } from '@lic/interfaces';
import type { MemoryNetwork, VirtualWorld } from '@lic/testkit';
import { Violation } from '../checks/violation.ts';
import { type Feature, vendor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { Operator } from './operator.ts';
import type { Product } from './product.ts';

/** What has to recover. */
export interface RecoveryParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly servers: readonly ClusterServer[];
  readonly products: readonly Product[];
  /** Of the license in force. */
  readonly features: () => readonly Feature[];
  readonly granted: (client: string, grant: Grant) => void;
  readonly operator: Operator;
  readonly newestIndex: () => number;
}

/** Each thing that must come comes within this, ms. */
const recoveryMsMax = 60_000;

/**
 * Requires what must come once nothing goes wrong any more: control, every client closed, every seat to be had by one who waits for it
 * (so nothing was lost and nothing is stuck), and all servers in one state. Throws a {@link Violation} where it does not come.
 */
export async function recover(parts: RecoveryParts): Promise<void> {
  const { servers, products, operator } = parts;
  const stopMending = operator.mend();
  await need(parts, 'a server in control', () => servers.some(({ state }) => state === 'in-control'));
  await need(parts, 'checkouts open', () =>
    servers.some((server) => server.state === 'in-control' && server.server.inspect().ledger.summary().isOpen),
  );
  await need(parts, "the operator's questions answered", () => operator.isIdle);
  let closed = 0;
  for (const product of products) void product.stop().then(() => closed++);
  await need(parts, 'all clients closed', () => closed === products.length);
  await takeEverything(parts);
  await need(parts, 'all servers at one state, with a vote each', () => isOneState(parts));
  stopMending();
}

async function takeEverything(parts: RecoveryParts): Promise<void> {
  const { servers, network, world } = parts;
  const client: Client = createClient({
    servers: servers.map(({ address }) => address),
    transports: [network.transport('auditor')],
    vendorKey: vendor.publicKey,
    identity: { user: 'auditor', host: 'auditor' },
    runtime: world.runtime('auditor'),
  });
  const features = parts.features();
  let granted = 0;
  let trouble: string | undefined;
  for (const { name, count } of features) {
    client.checkout(name, { count: Number(count), wait: recoveryMsMax }).then(
      (grant) => {
        parts.granted('auditor', grant);
        granted++;
      },
      (error: unknown) => {
        trouble = `${name}: ${errorMessage(error)}`;
      },
    );
  }
  await need(parts, 'every seat granted to one client', () => granted === features.length || trouble !== undefined);
  if (trouble !== undefined) throw new Violation('progress', `the auditor could not have all seats of ${trouble}`);
  let isClosed = false;
  void client.close().then(() => {
    isClosed = true;
  });
  await need(parts, 'the auditor closed', () => isClosed);
}

function isOneState({ servers, newestIndex }: RecoveryParts): boolean {
  // Consensus has entries of its own: the newest that was applied may be one of them.
  const places = new Set<string>();
  for (const server of servers) {
    if (!server.isUp) return false;
    const { ledger, consensus, state } = server.server.inspect();
    if ((state !== 'standby' && state !== 'in-control') || consensus === null || consensus.trouble !== null)
      return false;
    const voters = consensus.members.filter(({ voter }) => voter);
    if (voters.length < servers.length || consensus.isChangingMembers) return false;
    if (consensus.appliedIndex < newestIndex()) return false;
    places.add(`${consensus.appliedIndex} ${ledger.hash()}`);
  }
  return places.size === 1;
}

async function need({ world, servers }: RecoveryParts, what: string, holds: () => boolean): Promise<void> {
  if (await world.run({ forMs: recoveryMsMax, until: holds })) return;
  const states = servers.map((server) => {
    const { state, appliedIndex, trouble } = server.isUp
      ? { state: server.state, ...server.server.inspect().consensus }
      : { state: 'down' };
    return `${server.name} is ${state} at ${appliedIndex ?? '-'}${trouble ? ` (${trouble})` : ''}`;
  });
  throw new Violation('progress', `waited ${recoveryMsMax} ms in vain for ${what}: ${states.join(', ')}`);
}
