import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { LedgerReply } from './results.ts';
import { LedgerRig, type TestClient } from './testing/ledger-rig.ts';

const page = readFileSync(new URL('../../../../docs/checkouts.md', import.meta.url), 'utf8');
const [life = ''] = [...page.matchAll(/```text\n(.*?)```/gs)].map(([, block]) => block);

it('docs/checkouts.md says what its checkouts come to', () => {
  const rig = new LedgerRig([
    { name: 'build', count: 8 },
    { name: 'compare', count: 2 },
    { name: 'merge', count: 1 },
  ]);
  const clients = new Map<string, TestClient>();
  const clientOf = (who: string): TestClient => {
    const client = clients.get(who) ?? rig.client(who);
    clients.set(who, client);
    return client;
  };
  const lines = life.trim().split('\n');
  expect(lines.length).toBeGreaterThan(10);
  const told = lines.map((text) => {
    const [, who = '', verb = '', wish = '', gap = ''] = /^(\w+) +(\w+) (.*?)( {2,})\S/.exec(text) ?? [];
    const asked = text.slice(0, text.lastIndexOf(gap) + gap.length);
    return asked + outcomeOf(who, verb, wish);
  });
  expect(told).toEqual(lines);

  function outcomeOf(who: string, verb: string, wish: string): string {
    if (verb === 'out') return outcome(take(clientOf(who), wish));
    if (verb === 'in') {
      const client = clientOf(who);
      const grant = rig.ledger.grantsOf(client.session).find(({ feature }) => feature === wish);
      return client.checkin(grant!.id).kind === 'done' ? 'free' : 'held';
    }
    const [, whose = '', reason = ''] = /^(\w+) (.*)$/.exec(wish) ?? [];
    const grants = rig.ledger.grantsOf(clientOf(whose).session).map(({ id }) => id);
    rig.run({ kind: 'revoke', grants, reason, ...(verb === 'remove' ? { as: 'removed' } : {}) });
    const [{ ending } = { ending: undefined }] = rig.ledger.grantsOf(clientOf(whose).session);
    return `ending ${ending?.reason}: ${ending?.note}`;
  }
});

function take(client: TestClient, wish: string): LedgerReply {
  const [first, ...more] = wish.split(' + ').map((item) => {
    const [feature = '', count, , countMin] = item.split(' ');
    return { feature, count: Number(count), ...(countMin === undefined ? {} : { countMin: Number(countMin) }) };
  });
  const { feature, ...seats } = first!;
  return client.checkout(feature, more.length === 0 ? seats : { ...seats, more });
}

function outcome(reply: LedgerReply): string {
  if (reply.kind === 'denied') return `${reply.denial.code} ${reply.denial.feature}`;
  if (reply.kind !== 'granted') return reply.kind;
  return [reply.grant, ...(reply.more ?? [])].map(({ feature, count }) => `${feature} ${count}`).join(' + ');
}
