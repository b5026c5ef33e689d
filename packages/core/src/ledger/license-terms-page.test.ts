import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseTerms } from '../license/parse-license.ts';
import { LedgerRig, type TestClient } from './testing/ledger-rig.ts';

const page = readFileSync(new URL('../../../../docs/license-terms.md', import.meta.url), 'utf8');
const [terms = ''] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, block]) => block);
const [life = ''] = [...page.matchAll(/```text\n(.*?)```/gs)].map(([, block]) => block);
const line =
  /^(?<at>\S+) +(?<who>\w+) +(?<verb>out|in) (?<feature>\w+)(?: released (?<releasedAt>\S+))? +(?<outcome>\S.*)$/;

it('docs/license-terms.md says what its terms come to', () => {
  const rig = new LedgerRig(parseTerms(terms).features);
  const clients = new Map<string, TestClient>();
  const outcomeOf = (
    client: TestClient,
    { verb, feature = '', releasedAt }: Record<string, string | undefined>,
  ): string => {
    const pool = () => rig.pool(feature)!;
    if (verb === 'in') {
      const grant = rig.ledger.grantsOf(client.session).find((one) => one.feature === feature)!;
      client.checkin(grant.id);
      return [...rig.ledger.grants()].some(({ id }) => id === grant.id) ? 'lingering' : 'free';
    }
    const reply = client.checkout(feature, releasedAt === undefined ? {} : { releasedAt });
    if (reply.kind === 'denied') return reply.denial.code;
    if (reply.kind !== 'granted') return reply.kind;
    const { overdraft, inGrace, share } = reply.grant;
    const shared = share === undefined ? '' : ` shared ${pool().inUse} of ${pool().count} in use`;
    return `granted${overdraft === true ? ' overdraft' : ''}${inGrace === true ? ' grace' : ''}${shared}`;
  };
  const lines = life.trim().split('\n');
  const told = lines.map((text) => {
    const fields = line.exec(text)?.groups ?? {};
    rig.atMs = Date.parse(fields.at!);
    const who = fields.who!;
    const client = clients.get(who) ?? rig.client(who);
    clients.set(who, client);
    return text.slice(0, text.length - fields.outcome!.length) + outcomeOf(client, fields);
  });
  expect(told).toEqual(lines);
});
