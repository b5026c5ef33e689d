import { encodeCommand, type LedgerCommand } from '@lic/core';
import type { Consensus } from '@lic/interfaces';
import { expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

const idleMs = 8_000;

/** A cluster in whose log stands that compare may be idle for so long. */
async function idling(): Promise<Cluster> {
  const engines = new Map<ClusterServer, Consensus<unknown>>();
  const cluster = await Cluster.start({
    wrapConsensus: (factory, server) => (context) => {
      const engine = factory(context);
      engines.set(server, engine);
      return engine as never;
    },
  });
  const control = await cluster.control();
  const rules = [{ line: 3, feature: 'compare', kind: 'idle' as const, ms: idleMs }];
  const policy: LedgerCommand = {
    kind: 'policy',
    at: control.server.inspect().ledger.summary().licenseTimeMs,
    text: 'policy: 1',
    document: { groups: {}, hostGroups: {}, rules },
  };
  await cluster.during(engines.get(control)!.propose(encodeCommand(policy)));
  return cluster;
}

it('a grant that is idle for longer than the policy lets is ended as idle, one in use is not', async () => {
  const cluster = await idling();
  const client = cluster.client();
  const [idle, busy, silent] = [
    await cluster.during(client.checkout('compare')),
    await cluster.during(client.checkout('compare')),
    await cluster.during(client.checkout('compare')),
  ];
  idle.active();
  for (let at = 0; at < 10; at++) {
    busy.active();
    await cluster.run(2_000);
  }
  expect(idle.ended).toEqual({ code: 'idle' });
  // Its product never said whether it is in use.
  expect([busy.ended, silent.ended]).toEqual([undefined, undefined]);
  expect((await cluster.control()).server.inspect().ledger.grant(idle.id)).toBeUndefined();
});

it('goes on counting where control changes meanwhile', async () => {
  const cluster = await idling();
  const grant = await cluster.during(cluster.client().checkout('compare'));
  grant.active();
  await cluster.run(idleMs - 3_000);
  expect(grant.ended).toBeUndefined();
  (await cluster.control()).kill();
  await cluster.run(3_000 + (2 * grant.leaseMs) / 4);
  expect(grant.ended).toEqual({ code: 'idle' });
});
