import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type DenialCodeEntry, denialCodes } from './denials.ts';
import type { Denial } from './results.ts';
import { LedgerRig, type TestClient, type TestFeature } from './testing/ledger-rig.ts';

const page = readFileSync(new URL('../../../../docs/denials.md', import.meta.url), 'utf8');
const [features = ''] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, block]) => block);
const [life = ''] = [...page.matchAll(/```text\n(.*?)```/gs)].map(([, block]) => block);

describe('docs/denials.md', () => {
  it('has a row for each code, and no other, as the table in code has it', () => {
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
    const table = Object.entries<DenialCodeEntry>(denialCodes).map(([code, { source, field, explanation }]) => {
      const who = source === 'server' ? 'servers' : source;
      return [code, field === undefined ? who : `${who}: \`${field}\``, explanation];
    });
    expect(rows).toEqual(table);
  });

  it('says what decides', () => {
    const rig = new LedgerRig(JSON.parse(features) as readonly TestFeature[]);
    const clients = new Map<string, TestClient>();
    for (const line of life.trim().split('\n')) {
      const [at = '', who = '', ...words] = line.split(/\s+/);
      rig.atMs = Date.parse(at);
      const client = clients.get(who) ?? rig.client(who);
      clients.set(who, client);
      if (words[0] === 'gives') {
        client.checkin(rig.ledger.grantsOf(client.session)[0]!.id);
        continue;
      }
      const [feature = '', version] = words;
      const isVersioned = version !== undefined && /^\d/.test(version);
      const supposed = { feature, count: 1, ...(isVersioned ? { version } : {}) };
      // What is foreseen is so as of the last command.
      rig.run({ kind: 'tick' });
      const foreseen = rig.ledger.forecast({ ...supposed, user: `user-${who}`, host: `host-${who}` });
      const reply = client.checkout(feature, supposed);
      const told = reply.kind === 'denied' ? describeDenial(reply.denial) : reply.kind;
      expect(words.slice(isVersioned ? 2 : 1).join(' ')).toBe(told);
      if (reply.kind === 'denied') expect(foreseen).toEqual({ granted: false, denial: reply.denial });
      else expect(foreseen).toMatchObject({ granted: true, seats: [{ feature, count: 1 }] });
    }
  });
});

function describeDenial({ code, rule, earliestMs }: Denial): string {
  const earliest = earliestMs === undefined ? '' : `, earliest ${new Date(earliestMs).toISOString()}`;
  return `${code} ${rule?.source} ${rule?.where} = ${rule?.text}${earliest}`;
}
