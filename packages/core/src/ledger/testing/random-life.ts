import fc from 'fast-check';
import type { Unstamped, Who } from './ledger-rig.ts';
import { LedgerRig, licenseText, startMs, type TestFeature } from './ledger-rig.ts';
import { policies } from './model-licenses.ts';

const features: readonly TestFeature[] = [
  { name: 'a', count: 3, version: '1.0' },
  { name: 'a', count: 1, version: '2.0' },
  { name: 'b', count: 2, borrow: { longestSeconds: 60, countMax: 1 }, reclaim: 'disconnect', leaseSeconds: 20 },
  { name: 'h', count: 2, sharedBy: ['host', 'key'], sharersMax: 2, lingerSeconds: 5 },
  { name: 's', count: 1, overdraft: 1, supportedUntil: '2026-03-31' },
  { name: 'c', count: 4, expiresAt: new Date(startMs + 60_000).toISOString() },
];
const fewer = licenseText([{ name: 'a', count: 2, version: '1.0' }, features[3]!, features[5]!]);
const more = licenseText(features);

/** One command of a life; all of them are well formed and most take effect. */
export const eventArbitrary = fc.record({
  what: fc.constantFrom(
    ...([
      'checkout',
      'checkout',
      'checkout',
      'checkout',
      'wait',
      'wait',
      'checkin',
      'resume',
      'assign',
      'assign',
      'assign',
      'revoke',
    ] as const),
    ...(['settle', 'acknowledge', 'reclaim', 'disconnect', 'goodbye', 'cancel', 'install', 'drain', 'tick'] as const),
    ...(['recover', 'opened', 'opened'] as const),
    ...(['borrow', 'borrow', 'return'] as const),
    'policy',
  ),
  who: fc.nat(4),
  pick: fc.nat(30),
  laterMs: fc.constantFrom(0, 100, 3000),
});
export type LifeEvent = typeof eventArbitrary extends fc.Arbitrary<infer E> ? E : never;

/** A rig whose clients do what random events say, in order and with the epochs that they know. */
export class RandomLife {
  readonly rig = new LedgerRig(features);
  readonly #clients = [0, 1, 2, 3, 4].map((who) => this.rig.client(`client-${who}`, whoIs(who)));

  live({ what, who, pick, laterMs }: LifeEvent): void {
    const { rig } = this;
    rig.atMs += laterMs;
    const client = this.#clients[who]!;
    const own = rig.ledger.grantsOf(client.session);
    const ids = [...rig.ledger.grants()].filter((_, i) => i % 4 === pick % 4).map(({ id }) => id);
    const name = ['a', 'b', 'c', 'h', 's'][pick % 5]!;
    const shareKey = ['k', 'l'][pick % 2]!;
    const releasedAt = pick % 3 === 0 ? '2026-01-01' : '2026-03-31T23:59:59Z';
    const { session } = client;
    const display = [':0', ':1'][pick % 2]!;
    const address = ['10.1.2.3', '10.1.9.9'][pick % 2]!;
    if (rig.ledger.session(session) === undefined && what !== 'checkout') {
      rig.run({ kind: 'tick' });
      return;
    }
    // A session that has ended begins again under another name.
    const commands: Record<LifeEvent['what'], () => unknown> = {
      checkout: () => {
        if (rig.ledger.session(session) !== undefined || client.seq === 0)
          return client.checkout(name, { awaited: 1, releasedAt, shareKey, display, address });
        this.#clients[who] = rig.client(`client-${who}-${rig.index}`, whoIs(who));
        return this.#clients[who].checkout(name);
      },
      wait: () => {
        client.awaited = Math.max(1, client.seq - (pick % 4));
        return client.checkout(name, {
          waitMs: 1000 * (1 + pick),
          count: 1 + (pick % 2),
          releasedAt,
          shareKey,
          display,
          address,
        });
      },
      checkin: () => client.checkin(own[0]?.id ?? 'g0'),
      resume: () => client.resume(`r${rig.index}`),
      assign: () => {
        const entry = rig.ledger.assignable(() => true)[0];
        const epoch = entry === undefined ? 0 : rig.ledger.session(entry.session)!.epoch;
        return rig.run({ kind: 'assign', entry: entry?.id ?? 'q0', epoch });
      },
      revoke: () => rig.run({ kind: 'revoke', grants: ids, reason: `reason ${pick % 2}` }),
      settle: () => rig.run({ kind: 'settle', grants: ids }),
      acknowledge: () => client.acknowledge(...ids),
      reclaim: () => rig.run({ kind: 'reclaim', session, silentMs: pick % 4 === 0 ? 1e6 : 22_000 }),
      disconnect: () => rig.run({ kind: 'disconnect', session, epoch: client.epoch }),
      goodbye: () => (pick % 3 === 0 ? client.goodbye() : rig.run({ kind: 'tick' })),
      cancel: () => client.cancel(Math.max(1, client.seq - (pick % 3))),
      borrow: () => {
        const borrow = `borrow-${pick % 3}`.padEnd(22, '_');
        return client.borrow('b', { borrow, untilMs: rig.atMs + 1000 * (1 + pick) });
      },
      policy: () => {
        const document = policies[pick % policies.length]!;
        return rig.run({ kind: 'policy', text: `policy ${pick}`, document });
      },
      return: () => rig.run({ kind: 'return', borrow: `borrow-${pick % 3}`.padEnd(22, '_') }),
      install: () => rig.run(install(pick % 2 === 0 ? fewer : more)),
      drain: () => rig.run({ kind: 'drain', server: rig.ledger.license()!.servers[pick % 3]!.key, on: pick % 2 === 0 }),
      tick: () => rig.run({ kind: 'tick' }),
      recover: () => {
        rig.run({ kind: 'recover' });
        // Most of a life goes on with open doors.
        return pick % 4 === 0 ? undefined : rig.run({ kind: 'opened' });
      },
      opened: () => rig.run({ kind: 'opened' }),
    };
    commands[what]();
  }
}

/** Some are whom the policies name. */
function whoIs(who: number): Who {
  return {
    user: `user-${who}`,
    host: who < 3 ? 'h' : `host-${who}`,
    ...(who % 2 === 0 ? { product: 'cad' } : { project: 'bridge' }),
  };
}

function install(license: string): Unstamped {
  return { kind: 'install', license, licenseHash: `${license.length}`.padStart(64, '0') };
}
