import type { ClientMessage } from '@lic/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ScriptedLink } from '../cluster/scripted-link.ts';
import { ScriptedSession } from '../cluster/scripted-session.ts';

const features = [
  { name: 'compare', version: '12.0', count: 3, leaseSeconds: 10 },
  { name: 'build', version: '1.0', count: 2, leaseSeconds: 10, reclaim: 'disconnect' as const },
];

/** Few values for each field, so that messages of one run meet; the odd ones among them are wrong on purpose. */
const ids = ['A', 'B', 'C'].map((letter) => letter.repeat(22));
const session = fc.constantFrom(...ids);
const small = fc.integer({ min: 1, max: 4 });
const envelope = { session, seq: small, awaited: small, attempt: small, epoch: fc.integer({ min: 0, max: 4 }) };
const secret = fc.constantFrom('s'.repeat(43), 't'.repeat(43));
const grant = fc.constantFrom('g3', 'g5', 'g8', 'nothing');
const text = fc.constantFrom('u', '\ud800', 'x'.repeat(128), '  ');

const message: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      t: fc.constant('checkout'),
      ...envelope,
      seq: fc.constantFrom(1, 1, 1, 2, 3),
      awaited: fc.constant(1),
      epoch: fc.constantFrom(0, 0, 1, 2),
      opening: fc.option(fc.record({ secret, user: text, host: text }), { nil: undefined }),
      feature: fc.constantFrom('compare', 'build', '\ud800', 'nothing'),
      version: fc.constantFrom(undefined, '12.0', '99', 'x'),
      count: fc.constantFrom(1, 2, 1_000_000),
      waitMs: fc.constantFrom(undefined, 0, 0.5, 500, 86_400_000),
    }),
  },
  fc.record({ t: fc.constant('cancel'), ...envelope, checkoutSeq: small }),
  fc.record({ t: fc.constant('checkin'), ...envelope, grant }),
  fc.record({ t: fc.constant('acknowledge'), ...envelope, grants: fc.array(grant, { minLength: 1, maxLength: 3 }) }),
  fc.record({ t: fc.constant('goodbye'), ...envelope }),
  fc.record({ t: fc.constant('resume'), session, secret, epoch: envelope.epoch, request: session, attempt: small }),
  fc.record({ t: fc.constant('heartbeat'), session, epoch: small, number: small }),
  fc.record({ t: fc.constant('status'), token: fc.constantFrom(undefined, 'wrong', 'token-of-primary') }),
  fc.record({
    t: fc.constant('admin'),
    token: fc.constantFrom('wrong', 'token-of-primary'),
    request: fc.oneof(
      fc.record({
        verb: fc.constant('revoke'),
        grants: fc.array(grant, { minLength: 1 }),
        reason: fc.constantFrom('x', '\udfff'),
      }),
      fc.record({ verb: fc.constantFrom('transfer', 'drain', 'undrain', 'time', 'nothing') }),
      fc.record({ verb: fc.constant('reload'), license: fc.constantFrom('', '{}', '{"lic":1}') }),
    ),
  }),
);
const step = fc.oneof(
  { weight: 20, arbitrary: fc.record({ deed: fc.constant('send' as const), link: fc.nat(2), message }) },
  { weight: 2, arbitrary: fc.record({ deed: fc.constantFrom('close' as const, 'abort' as const), link: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ deed: fc.constant('wait' as const), ms: fc.constantFrom(5, 200, 4_000) }) },
);

describe('whatever clients say, in whatever order', () => {
  it('is answered once for each request; nobody gets more seats than there are, and the server lives on', async () => {
    const cluster = await Cluster.start({ servers: 1, features });
    const control = await cluster.control();
    const witness = await cluster.session(control);
    await witness.hold();
    const { ledger } = control.server.inspect();

    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const links: ScriptedLink[] = [];
        for (const _ of [0, 1, 2]) links.push(await cluster.link(control));
        const asked = new Map<ScriptedLink, number[]>(links.map((link) => [link, []]));
        for (const each of steps) {
          if (each.deed === 'wait') {
            await cluster.run(each.ms);
            // A witness that says nothing for a hold would be reclaimed, and rightly so.
            witness.beat();
          } else {
            const link = links[each.link] as ScriptedLink;
            if (each.deed === 'send') {
              const id = each.message.t === 'heartbeat' ? undefined : link.nextId();
              link.send({ ...each.message, id } as unknown as ClientMessage);
              if (id !== undefined) asked.get(link)?.push(id);
            } else if (each.deed === 'close') link.close();
            else link.abort();
          }
          for (const pool of ledger.pools()) expect(pool.inUse).toBeLessThanOrEqual(Number(pool.count));
        }
        witness.beat();
        await cluster.run(2_500);
        for (const link of links.filter(({ closed }) => closed === undefined)) {
          const answered = link.heard.flatMap((message) =>
            'id' in message && message.id !== undefined ? [message.id] : [],
          );
          expect(answered.sort((a, b) => a - b)).toEqual(asked.get(link));
          link.close();
        }
      }),
      { numRuns: 15 },
    );

    expect(control.state).toBe('in-control');
    expect(control.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(await witness.checkout({ feature: 'nothing' })).toMatchObject({ t: 'denied' });
  });
});

describe('a client that goes away', () => {
  it('leaves nothing behind for sessions that never began', async () => {
    const cluster = await Cluster.start({ servers: 1 });
    const control = await cluster.control();
    const link = await cluster.link(control);
    for (let turn = 0; turn < 50; turn++) {
      const stranger = new ScriptedSession(link);
      expect(await stranger.resume()).toMatchObject({ code: 'UNKNOWN_SESSION' });
    }
    expect(control.server.inspect().ledger.summary()).toMatchObject({ sessions: 0, grants: 0, queued: 0 });
  });

  it('with thousands of grants resumes with all of them in one answer', async () => {
    const cluster = await Cluster.start({
      servers: 1,
      features: [{ name: 'compare', version: '12.0', count: 'uncounted', leaseSeconds: 600 }],
    });
    const session = await cluster.session(await cluster.control());
    await session.hold();
    const many = 4_000;
    for (let turn = 1; turn < many; turn++) session.link.send(session.checkoutMessage());
    await cluster.run(2_000);
    const resumed = await session.resume(await cluster.link(await cluster.control()));
    expect('grants' in resumed ? resumed.grants : []).toHaveLength(many);
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ epoch: 2 });
  });
});

describe('a welcome', () => {
  it('tells who is in control, where all servers are, and when to ask elsewhere', async () => {
    const cluster = await Cluster.start();
    const link = await cluster.link(cluster.server(3), { hello: false });
    expect(await link.hello()).toMatchObject({
      server: { name: 'secondary-2', rank: 3 },
      state: 'standby',
      term: 1,
      control: { rank: 1, name: 'primary', addresses: ['mem://primary:7411'] },
      servers: [{ rank: 1 }, { rank: 2 }, { rank: 3 }],
      settings: { repeatAfterMs: 250, leaseMs: 60_000 },
    });
  });

  it('of a slower network says so: profile wan', async () => {
    const wan = { roundMs: 400, electionTimeoutMinMs: 2_000, electionTimeoutMaxMs: 4_000 };
    const cluster = await Cluster.start({ timing: wan });
    const link = await cluster.link(await cluster.control(), { hello: false });
    expect((await link.hello()).settings.repeatAfterMs).toBe(1_000);
    // Failback is given a minute there.
    const first = await cluster.control();
    first.kill();
    await cluster.control();
    await cluster.during(first.start());
    const waitedMs = await cluster.until('the failback', () => cluster.inControl().includes(first), 90_000);
    expect(waitedMs).toBeGreaterThan(58_000);
    expect(waitedMs).toBeLessThan(64_000);
  });

  it('leaves the license out for a client that has verified it, and a stand-by tells of control at once', async () => {
    const cluster = await Cluster.start();
    const standby = cluster.server(2);
    const link = await cluster.link(standby, { hello: false });
    const first = await link.hello();
    expect(first.license).toBe(standby.licenseFile);
    const again = await cluster.link(standby, { hello: false });
    expect((await again.hello(first.licenseHash ?? '')).license).toBeUndefined();
    cluster.server(1).kill();
    expect(
      (await link.next('control', { where: ({ term, control }) => term > 1 && control !== null })).control?.rank,
    ).toBe((await cluster.control()).rank);
  });
});
