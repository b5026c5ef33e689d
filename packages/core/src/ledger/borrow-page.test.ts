import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LedgerRig, sessionId, type TestFeature } from './testing/ledger-rig.ts';

const page = readFileSync(new URL('../../../../docs/borrow.md', import.meta.url), 'utf8');
const [features = ''] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, block]) => block);
const [life = ''] = [...page.matchAll(/```text\n(.*?)```/gs)].map(([, block]) => block);
const line = /^(?<at>\S+) (?<who>\w+) (?<verb>\w+) (?<feature>\w+)(?: (?<minutes>\d+))? +(?<outcome>\S.*)$/;

it('docs/borrow.md says what its lines come to', () => {
  const rig = new LedgerRig(JSON.parse(features) as readonly TestFeature[]);
  const outcomeOf = ({ who = '', verb, feature = '', minutes }: Record<string, string | undefined>): string => {
    const borrow = sessionId(`${who}-${feature}`);
    if (verb === 'return') return rig.reply({ kind: 'return', borrow }).kind === 'ok' ? 'returned' : 'refused';
    const untilMs = rig.atMs + Number(minutes) * 60_000;
    // Each line asks in a session of its own, as a client that was started anew does.
    const client = rig.client(`${who}-${rig.index}`, { user: who, host: who });
    const reply = verb === 'out' ? client.checkout(feature) : client.borrow(feature, { borrow, untilMs });
    if (reply.kind === 'denied') return reply.denial.code;
    if (reply.kind !== 'borrowed') return reply.kind;
    return `borrowed until ${new Date(reply.borrow.untilMs!).toISOString()}`;
  };
  const lines = life.trim().split('\n');
  const told = lines.map((text) => {
    const fields = line.exec(text)?.groups ?? {};
    rig.atMs = Date.parse(fields.at!);
    return text.slice(0, text.length - fields.outcome!.length) + outcomeOf(fields);
  });
  expect(told).toEqual(lines);
});
