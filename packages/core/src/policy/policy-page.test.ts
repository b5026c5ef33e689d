import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LedgerRig, type TestClient } from '../ledger/testing/ledger-rig.ts';
import { checkPolicy } from './check-policy.ts';
import { parsePolicy } from './parse-policy.ts';

const page = readFileSync(new URL('../../../../docs/policy.md', import.meta.url), 'utf8');
const blocks = (kind: string) =>
  [...page.matchAll(/```(\w+)\n(.*?)```/gs)].filter(([, of]) => of === kind).map(([, , text]) => text!);
const [good = '', bad = ''] = blocks('yaml');
const [errors = ''] = blocks('errors');
const features = ['compare', 'merge', 'build'].map((name) => ({
  name,
  version: '1.0',
  count: 4,
  ...(name === 'build' ? { overdraft: 2, borrow: { longestSeconds: 30 * 86_400, countMax: 4 } } : {}),
}));
const line =
  /^(?<who>\w+) +(?<verb>out|in|wait|has) (?<feature>\w+)(?: (?<count>\d+))?(?: from (?<address>\S+))?(?: for (?<project>\S+))? +(?<outcome>\S.*)$/;

describe('docs/policy.md', () => {
  it('has a policy that is right', () => {
    expect(checkPolicy(parsePolicy(good), features)).toEqual([]);
  });

  it('has a policy that is wrong, and says where', () => {
    const issues = checkPolicy(parsePolicy(bad), features);
    expect(issues.map((issue) => `line ${issue.line}: ${issue.message}`)).toEqual(errors.trim().split('\n'));
  });

  it.each(blocks('text'))('says what its policy comes to', (life) => {
    const rig = new LedgerRig(features);
    expect(rig.reply({ kind: 'policy', text: good, document: parsePolicy(good) })).toEqual({ kind: 'ok' });
    const clients = new Map<string, TestClient>();
    const lines = life.trim().split('\n');
    const told = lines.map((text) => {
      const {
        who = '',
        verb,
        feature = '',
        count = '1',
        address,
        project,
        outcome = '',
      } = line.exec(text)?.groups ?? {};
      // Short names are those of users; a machine of the farm is a host.
      const user = { mal: 'mallory' }[who] ?? who;
      const client =
        clients.get(who) ?? rig.client(who, { user, host: who, ...(project === undefined ? {} : { project }) });
      clients.set(who, client);
      if (verb === 'has') {
        const held = rig.ledger.grantsOf(client.session).filter((one) => one.feature === feature);
        return text.slice(0, text.length - outcome.length) + held.reduce((sum, one) => sum + one.count, 0);
      }
      if (verb === 'in') client.checkin(rig.ledger.grantsOf(client.session).find((one) => one.feature === feature)!.id);
      const wish = { count: Number(count), ...(address === undefined ? {} : { address }) };
      const reply =
        verb === 'in' ? undefined : client.checkout(feature, verb === 'wait' ? { ...wish, waitMs: 60_000 } : wish);
      const came =
        reply === undefined
          ? 'free'
          : reply.kind === 'denied'
            ? `${reply.denial.code}${reply.denial.rule?.source === 'policy' ? ` ${reply.denial.rule.where}` : ''}`
            : reply.kind === 'queued'
              ? `queued ${reply.entry.position}`
              : reply.kind;
      serveQueue(rig);
      return text.slice(0, text.length - outcome.length) + came;
    });
    expect(told).toEqual(lines);
  });
});

/** As the server in control does while somebody waits for what is free. */
function serveQueue(rig: LedgerRig): void {
  for (const entry of rig.ledger.assignable(() => true))
    rig.run({ kind: 'assign', entry: entry.id, epoch: rig.ledger.session(entry.session)!.epoch });
}
