import { type Client, createClient, type Grant } from '@lic/client';
import type { GrantView } from '@lic/core';
import { errorMessage } from '@lic/interfaces';
import type { MemoryNetwork, VirtualWorld } from '@lic/testkit';
import { Violation } from '../checks/violation.ts';
import { countedSeats, type Feature, vendor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import { earlyRelease } from './identities.ts';
import type { Operator } from './operator.ts';
import type { Product } from './product.ts';
import type { Traveller } from './traveller.ts';

/** What has to recover. */
export interface RecoveryParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly servers: readonly ClusterServer[];
  readonly products: readonly Product[];
  /** Of the license in force: what can be had at any time. */
  readonly features: () => readonly Feature[];
  readonly granted: (client: string, grant: Grant) => void;
  readonly operator: Operator;
  readonly travellers: readonly Traveller[];
  /** What is borrowed at the newest entry. */
  readonly borrowed: () => readonly GrantView[];
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
  let isLifted = false;
  void operator.liftPolicy().then(() => {
    isLifted = true;
  });
  await need(parts, 'no rules any more', () => isLifted);
  let closed = 0;
  for (const product of products) void product.stop().then(() => closed++);
  await need(parts, 'all clients closed', () => closed === products.length);
  await returnAll(parts);
  await takeEverything(parts);
  await need(parts, 'all servers at one state, with a vote each', () => isOneState(parts));
  stopMending();
}

/** What was borrowed, for whomever, somebody gives back: a borrow of nobody would stay until its end (I5). */
async function returnAll(parts: RecoveryParts): Promise<void> {
  let back = 0;
  for (const traveller of parts.travellers) void traveller.stop().then(() => back++);
  await need(parts, 'all travellers back', () => back === parts.travellers.length);
  const [left] = parts.borrowed();
  if (left !== undefined)
    throw new Violation('I5', `${left.id} of ${left.feature} is borrowed by ${left.host}, which knows nothing of it`);
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
  // The higher version of a feature first: its seats would do for the lower one, too.
  for (const feature of parts.features().toReversed()) {
    const { name, version, overdraft = 0 } = feature;
    const count = countedSeats(feature) + overdraft;
    let outcome: 'granted' | Error | undefined;
    client.checkout(name, { version, count, wait: recoveryMsMax, releasedAt: earlyRelease }).then(
      (grant) => {
        parts.granted('auditor', grant);
        outcome = 'granted';
      },
      (error: unknown) => {
        outcome = error instanceof Error ? error : new Error(String(error));
      },
    );
    await need(parts, `every seat of ${name} ${version} granted to one client`, () => outcome !== undefined);
    if (outcome !== 'granted')
      throw new Violation('progress', `the auditor could not have all seats of ${name}: ${errorMessage(outcome)}`);
  }
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
