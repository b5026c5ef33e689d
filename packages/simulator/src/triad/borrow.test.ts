import { type BorrowStore, openBorrow } from '@lic/client';
import { signBorrowToken, verifyBorrowToken } from '@lic/core';
import type { BorrowMessage } from '@lic/protocol';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { keyPair, nameServers, signFor, vendor } from '../cluster/cluster-license.ts';
import { base64url, type ScriptedLink } from '../cluster/scripted-link.ts';

const hourMs = 3_600_000;
const features = [
  { name: 'compare', version: '12.0', count: 3, leaseSeconds: 10, borrow: { longestSeconds: 7200, countMax: 2 } },
];

/** A borrow as the first request of a session of its own. */
function borrowOn(link: ScriptedLink, changes: Partial<BorrowMessage> = {}): BorrowMessage {
  const id = () => base64url(link.runtime.random(16));
  return {
    t: 'borrow',
    id: link.nextId(),
    session: id(),
    seq: 1,
    awaited: 1,
    attempt: 1,
    epoch: 0,
    opening: { secret: base64url(link.runtime.random(32)), user: 'ann', host: 'laptop' },
    borrow: id(),
    feature: 'compare',
    count: 1,
    ends: { inMs: hourMs },
    ...changes,
  };
}

/** What a server lends that a license of the same vendor names, in another triad. */
async function tokenOfOthers(): Promise<string> {
  const others = await Promise.all(
    (await nameServers(3)).map(async (server) => ({ ...server, identity: await keyPair(100 + server.rank) })),
  );
  const { publicKey: server, privateKeyPem } = others[0]!.identity;
  const borrow = { borrow: 'o'.repeat(22), feature: 'compare', version: '12.0', count: 2, user: 'eve', host: 'desk' };
  const licenses = [await signFor(others, { id: 'license-of-others', features })];
  const untilMs = Date.UTC(2100, 0, 1);
  return signBorrowToken({ ...borrow, sinceMs: 0, untilMs, instance: 'others', licenses, server }, privateKeyPem);
}

function storeOf(): BorrowStore & { text: string | undefined } {
  const store = {
    text: undefined as string | undefined,
    load: async () => store.text,
    save: async (text: string) => {
      store.text = text;
    },
    remove: async () => {
      store.text = undefined;
    },
  };
  return store;
}

describe('a borrow', () => {
  it('is the same however often and wherever it is asked for, proved by whoever signs the token', async () => {
    const cluster = await Cluster.start({ features });
    const control = await cluster.control();
    const link = await cluster.link(control);
    const message = borrowOn(link);
    const first = await link.ask(message);
    if (first.t !== 'borrowed') throw new Error(JSON.stringify(first));
    const { untilMs, sinceMs } = first.borrow;
    expect(untilMs - sinceMs).toBe(hourMs);
    // Its answer is lost with its server; the next in control answers the repeat, and signs anew.
    control.kill();
    const next = await cluster.control();
    const later = await cluster.link(next);
    const again = await later.ask({ ...message, id: later.nextId(), attempt: 2 });
    if (again.t !== 'borrowed') throw new Error(JSON.stringify(again));
    expect(again.borrow).toEqual(first.borrow);
    const [before, after] = await Promise.all(
      [first.token, again.token].map((text) =>
        verifyBorrowToken(text, { vendorPublicKey: vendor.publicKey, host: 'laptop' }),
      ),
    );
    expect([before?.server, after?.server]).toEqual([control.key, next.key]);
    expect({ ...before, server: '', signature: '' }).toEqual({ ...after, server: '', signature: '' });
    const { grants, pools } = await cluster.status(next);
    expect(grants).toMatchObject([
      { id: first.borrow.id, state: 'borrowed', user: 'ann', host: 'laptop', until: new Date(untilMs).toISOString() },
    ]);
    expect(pools[0]).toMatchObject({ inUse: 1, free: 2 });
  });

  it('is refused by a stand-by, and put off while servers may not know borrows', async () => {
    const cluster = await Cluster.make();
    for (const server of cluster.servers) server.ledgerVersions = { min: 1, max: 2 };
    const control = await cluster.startAll();
    const standby = cluster.servers.find((server) => server !== control)!;
    const asked = async (server: typeof control) => {
      const link = await cluster.link(server);
      return link.ask(borrowOn(link));
    };
    expect(await asked(standby)).toMatchObject({ t: 'error', code: 'NOT_IN_CONTROL' });
    const notYet = { t: 'error', code: 'NOT_READY', retryable: true };
    expect(await asked(control)).toMatchObject(notYet);
    const link = await cluster.link(control);
    const borrow = base64url(link.runtime.random(16));
    expect(await link.ask({ t: 'return', id: link.nextId(), borrow })).toMatchObject(notYet);
    expect(await link.ask({ t: 'present', id: link.nextId(), token: '{}' })).toMatchObject(notYet);
  });

  it('comes back at whatever server is in control, by whoever knows its id, and by an administrator', async () => {
    const cluster = await Cluster.start({ features });
    const control = await cluster.control();
    const link = await cluster.link(control);
    const [own, gone] = [borrowOn(link), borrowOn(link)];
    await link.ask(own);
    const lent = await link.ask(gone);
    if (lent.t !== 'borrowed') throw new Error(JSON.stringify(lent));
    control.kill();
    const next = await cluster.control();
    const later = await cluster.link(next);
    const giveBack = () => later.ask({ t: 'return', id: later.nextId(), borrow: own.borrow });
    expect(await giveBack()).toMatchObject({ t: 'returned' });
    expect(await giveBack()).toMatchObject({ t: 'returned' });
    const standby = cluster.servers.find((server) => server.isUp && server !== next)!;
    const other = await cluster.link(standby);
    expect(await other.ask({ t: 'return', id: other.nextId(), borrow: own.borrow })).toMatchObject({
      t: 'error',
      code: 'NOT_IN_CONTROL',
    });
    const byAdmin = (borrow: string) => other.admin(standby.adminToken, { verb: 'return', borrow });
    expect(await byAdmin('b999')).toMatchObject({ t: 'error', details: { reason: 'UNKNOWN_BORROW' } });
    expect(await byAdmin(lent.borrow.id)).toMatchObject({ t: 'adminAnswer', result: { user: 'ann', host: 'laptop' } });
    expect((await cluster.status(next)).pools[0]).toMatchObject({ inUse: 0 });
  });

  it('that a recovery lost is counted again once its token is shown', async () => {
    const cluster = await Cluster.start({ features });
    const store = storeOf();
    const client = cluster.client({ user: 'ann', host: 'laptop' });
    await cluster.run(1_000);
    const survivor = cluster.server(3);
    survivor.kill();
    // The survivor knows nothing of it.
    await cluster.during(client.borrow('compare', { store, for: hourMs, count: 2 }));
    await cluster.during(client.close());
    for (const rank of [1, 2]) {
      cluster.server(rank).kill();
      cluster.server(rank).disk.wipe();
    }
    await cluster.during(survivor.start());
    await cluster.run(15_000);
    const link = await cluster.link(survivor);
    expect(await link.admin(survivor.adminToken, { verb: 'recover' })).toMatchObject({ t: 'adminAnswer' });
    await cluster.control();
    const inUse = async () => (await cluster.status(survivor)).pools[0]?.inUse;
    expect(await inUse()).toBe(0);
    const refused = await cluster.link(survivor);
    expect(await refused.ask({ t: 'present', id: refused.nextId(), token: '{}' })).toMatchObject({
      t: 'error',
      code: 'BORROW_REFUSED',
      details: { reason: 'BORROW_INVALID' },
    });
    // The vendor has signed licenses for others, too: what their servers lend is not taken from here.
    expect(await refused.ask({ t: 'present', id: refused.nextId(), token: await tokenOfOthers() })).toMatchObject({
      t: 'error',
      code: 'BORROW_REFUSED',
      details: { reason: 'BORROW_OTHER_TRIAD' },
    });
    expect(await inUse()).toBe(0);
    const later = cluster.client({ user: 'ann', host: 'laptop' });
    const shown = { t: 'present' as const, token: (JSON.parse(store.text ?? '{}') as { token: string }).token };
    await cluster.during(later.presentBorrow(store));
    await cluster.during(later.presentBorrow(store));
    expect(await inUse()).toBe(2);
    const open = await openBorrow({
      store,
      vendorKey: vendor.publicKey,
      host: 'laptop',
      runtime: cluster.world.runtime('off line'),
    });
    expect(open.holds).toBe(true);
    await cluster.during(later.returnBorrow(store));
    expect([open.holds, await inUse(), store.text]).toEqual([false, 0, undefined]);
    // A copy of what was shown, late on its way.
    expect(await refused.ask({ ...shown, id: refused.nextId() })).toMatchObject({
      code: 'BORROW_REFUSED',
      details: { reason: 'BORROW_RETURNED' },
    });
    expect(await inUse()).toBe(0);
    // Returned now, and from before the recovery all the same: its copy is counted no more than the seats that it was for.
    const copy = storeOf();
    const second = cluster.client({ user: 'bob', host: 'desk' });
    await cluster.until('checkouts to open', () => survivor.server.inspect().ledger.summary().isOpen, 200_000);
    await cluster.during(second.borrow('compare', { store: copy, for: hourMs }));
    const { text } = copy;
    await cluster.during(second.returnBorrow(copy));
    copy.text = text;
    await expect(cluster.during(second.presentBorrow(copy))).rejects.toMatchObject({
      code: 'REFUSED',
      details: { code: 'BORROW_REFUSED', reason: 'BORROW_NOT_LOST' },
    });
  });
});
