import { raft } from '@lic/consensus';
import { tcp } from '@lic/transport-tcp';
import { ws } from '@lic/transport-ws';
import { describe, expect, it } from 'vitest';
import { type PlugIns, RealTriad, until } from './real-triad.ts';

const engines = { raft: raft() };
const transports = { tcp: tcp(), ws: ws() };

/** Every engine with every transport: the server names none of them (architecture.md, Who may import whom). */
const plugIns = Object.entries(engines).flatMap(([engine, consensus]) =>
  Object.entries(transports).map(
    ([scheme, transport]) => [`${engine} over ${scheme}`, { consensus, transport, scheme }] satisfies [string, PlugIns],
  ),
);

describe.each(plugIns)('a triad on %s', (_, chosen) => {
  it('forms, grants, survives the loss of the server in control, and tells the truth about it', {
    timeout: 60_000,
  }, async () => {
    await using triad = await RealTriad.start(chosen);
    await using client = triad.client();
    const first = await triad.control();
    const grant = await client.checkout('compare');
    const events: string[] = [];
    for (const event of ['reconnecting', 'resumed', 'lost', 'ended'] as const)
      grant.on(event, () => events.push(event));
    const waiting = client.checkout('compare', { count: 3, wait: 30_000 });

    await first.stop({ handover: false });
    const second = await triad.control();
    expect(second).not.toBe(first);
    await until('the resume', () => events.includes('resumed'));
    expect(grant.state).toBe('holding');

    const report = await client.status();
    expect(report).toMatchObject({ quorum: true, stale: false, degraded: true });
    expect(report.pools).toMatchObject([{ feature: 'compare', inUse: 1, queued: 1 }]);

    await grant.checkin();
    const queued = await waiting;
    expect(queued.count).toBe(3);
    expect(events).toEqual(['reconnecting', 'resumed', 'ended']);
    await queued.checkin();
    expect((await second.status()).pools).toMatchObject([{ inUse: 0, queued: 0 }]);
  });
});
