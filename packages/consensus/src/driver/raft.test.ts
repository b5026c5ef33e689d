import { describe, expect, it } from 'vitest';
import { TestTriad } from '../testing/test-triad.ts';

const code = (expected: string, fields: object = {}) => expect.objectContaining({ code: expected, ...fields });

describe('control', () => {
  it('goes to the primary at a first start, within a second', async () => {
    const triad = await TestTriad.start('first');
    const leader = await triad.decided(1_000);
    expect(leader.id).toBe('a');
    expect(leader.events).toEqual(['gained 1']);
  });

  it('goes to another within 100 ms after the one in control was killed, and nothing is lost', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const triad = await TestTriad.start(`kill ${seed}`);
      const first = await triad.decided();
      await triad.propose(first, 'kept');
      triad.kill(first);
      const second = await triad.decided(100);
      expect(second.id).toBe('b');
      expect(await triad.propose(second, 'more')).toBe('2');
      await triad.boot(first);
      await triad.until(() => first.machine.list.length === 2);
      expect(first.machine.list).toEqual(['kept', 'more']);
    }
  });

  it('stays where it is when one stand-by loses its link to it, and that stand-by knows where', async () => {
    const triad = await TestTriad.start('one link');
    const leader = await triad.decided();
    triad.hub.close('a', 'c');
    await triad.run(5_000);
    expect(leader.events).toEqual(['gained 1']);
    expect(triad.server('c').consensus.status()).toMatchObject({ state: 'standby', leader: 'a' });
    triad.hub.open('a', 'c');
    await triad.propose(leader, 'x');
    await triad.until(() => triad.server('c').machine.list.length === 1, 200);
  });

  it('goes to another when the one in control falls silent both ways, and the old one can confirm nothing', async () => {
    const triad = await TestTriad.start('silent');
    const old = await triad.decided();
    for (const other of ['b', 'c']) {
      triad.hub.silence('a', other);
      triad.hub.silence(other, 'a');
    }
    const proposal = old.consensus.propose(Buffer.from('lost?'));
    const barrier = old.consensus.readBarrier();
    barrier.catch(() => {});
    await expect(triad.settled(proposal)).rejects.toEqual(code('UNKNOWN', { retryable: true }));
    await expect(triad.settled(barrier)).rejects.toEqual(code('NO_QUORUM'));
    const next = await triad.decided(2_000).catch(() => triad.server('b'));
    expect(next.consensus.status().state).toBe('in-control');
    expect(await triad.propose(next, 'goes on')).toBe('1');
    for (const other of ['b', 'c']) {
      triad.hub.unsilence('a', other);
      triad.hub.unsilence(other, 'a');
    }
    await triad.until(() => old.consensus.status().state === 'standby');
    await triad.until(() => old.machine.list.length === 1);
    expect(old.machine.list).toEqual(['goes on']);
  });

  it('is given up by a leader that can send but not hear', async () => {
    const triad = await TestTriad.start('asymmetric');
    await triad.decided();
    triad.hub.silence('b', 'a');
    triad.hub.silence('c', 'a');
    await triad.until(() => triad.server('b').consensus.status().state === 'in-control', 4_000);
  });

  it('is not disturbed by a stand-by that can send but not hear', async () => {
    const triad = await TestTriad.start('deaf');
    const leader = await triad.decided();
    triad.hub.silence('a', 'c');
    triad.hub.silence('b', 'c');
    await triad.run(10_000);
    expect(leader.events).toEqual(['gained 1']);
  });

  it('is not fought over after a process stood still: what has arrived counts before time does', async () => {
    const triad = await TestTriad.start('stall');
    const leader = await triad.decided();
    const standby = triad.server('c');
    standby.runtime.pause();
    await triad.run(3_000);
    standby.runtime.resume();
    const asked: string[] = [];
    standby.consensus.on({ onChange: (status) => asked.push(status.state) });
    await triad.run(1_000);
    expect(asked).toEqual([]);
    expect(leader.events).toEqual(['gained 1']);
    expect(standby.consensus.status()).toMatchObject({ state: 'standby', leader: 'a', term: 1 });
  });

  it('survives a power cut of all servers', async () => {
    const triad = await TestTriad.start('power');
    await triad.propose(await triad.decided(), 'kept');
    for (const server of triad.servers) triad.kill(server);
    for (const server of triad.servers) await triad.boot(server);
    const leader = await triad.decided(1_000);
    expect(leader.machine.list).toEqual(['kept']);
  });

  it('is alone decided by a single server', async () => {
    const triad = await TestTriad.start('alone', { count: 1 });
    const leader = await triad.decided(300);
    expect(await triad.propose(leader, 'x')).toBe('1');
    await triad.settled(leader.consensus.readBarrier(), 1);
  });

  it('is sought by a server that is not electable only when nobody else can win', async () => {
    const triad = await TestTriad.start('drained');
    triad.server('a').consensus.setElectable(false);
    const leader = await triad.decided();
    expect(leader.id).toBe('b');
    triad.kill(triad.server('c'));
    triad.kill(leader);
    await triad.run(1_000);
    await triad.boot(triad.server('c'));
    triad.server('c').consensus.setElectable(false);
    const last = await triad.decided(15_000);
    expect(['a', 'c']).toContain(last.id);
  });
});

describe('a proposal', () => {
  it('is applied on all servers in the same order, also where it has to be prepared', async () => {
    const triad = await TestTriad.start('order');
    const leader = await triad.decided();
    const all = ['one', 'slow:two', 'three'].map((text) => leader.consensus.propose(Buffer.from(text)));
    const results = await triad.settled(Promise.all(all));
    expect(results).toEqual([
      { index: 2, result: '1' },
      { index: 3, result: '2' },
      { index: 4, result: '3' },
    ]);
    await triad.until(() => triad.servers.every((each) => each.machine.list.length === 3), 50);
    for (const { machine } of triad.servers) expect(machine.list).toEqual(['one', 'slow:two', 'three']);
  });

  it('at a stand-by fails with where control is', async () => {
    const triad = await TestTriad.start('hint');
    await triad.decided();
    const { consensus } = triad.server('b');
    const refusal = code('NOT_IN_CONTROL', { details: { leader: 'a' }, retryable: true });
    await expect(consensus.propose(Buffer.from('x'))).rejects.toEqual(refusal);
    await expect(consensus.readBarrier()).rejects.toEqual(refusal);
  });

  it('without a majority fails with NO_QUORUM', async () => {
    const triad = await TestTriad.start('no quorum');
    await triad.decided();
    triad.kill(triad.server('a'));
    triad.kill(triad.server('b'));
    const { consensus } = triad.server('c');
    await triad.until(() => consensus.status().state === 'isolated');
    await expect(consensus.propose(Buffer.from('x'))).rejects.toEqual(code('NO_QUORUM'));
    await expect(consensus.readBarrier()).rejects.toEqual(code('NO_QUORUM'));
  });

  it('above 1 MiB is rejected; one of 1 MiB is not', async () => {
    const triad = await TestTriad.start('large');
    const { consensus } = await triad.decided();
    await expect(consensus.propose(new Uint8Array(1024 * 1024 + 1))).rejects.toEqual(code('REJECTED'));
    await triad.settled(consensus.propose(new Uint8Array(1024 * 1024)));
  });

  it('beyond the bytes in flight is refused as BUSY, and taken again once they are applied', async () => {
    const triad = await TestTriad.start('busy', { inFlightBytesMax: 100 });
    const { consensus } = await triad.decided();
    const first = consensus.propose(new Uint8Array(60));
    await expect(consensus.propose(new Uint8Array(60))).rejects.toEqual(code('BUSY', { retryable: true }));
    await triad.settled(first);
    await triad.settled(consensus.propose(new Uint8Array(60)));
  });

  it('beyond the number in flight is refused as BUSY too, also while control is being handed over', async () => {
    const triad = await TestTriad.start('busy by number', { inFlightMax: 2 });
    const { consensus } = await triad.decided();
    triad.kill(triad.server('c'));
    const first = consensus.propose(Buffer.from('x'));
    consensus.transferControl('c').catch(() => {});
    const held = consensus.propose(Buffer.from('y'));
    await expect(consensus.propose(Buffer.from('z'))).rejects.toEqual(code('BUSY', { retryable: true }));
    await triad.settled(first);
    await triad.settled(held);
    await triad.settled(consensus.propose(Buffer.from('z')));
  });

  it('goes by itself where batches and windows have room for one', async () => {
    const one = { appendEntriesMax: 1, appendsInFlightMax: 1, appendBytesMax: 1, snapshotEntries: 10, keepEntries: 0 };
    const triad = await TestTriad.start('one by one', one);
    const { consensus } = await triad.decided();
    const proposals = Array.from({ length: 40 }, (_, at) => consensus.propose(Buffer.from(`${at}`)));
    expect((await triad.settled(Promise.all(proposals))).map(({ result }) => Number(result))).toEqual(
      proposals.map((_, at) => at + 1),
    );
    await triad.until(() => triad.servers.every((each) => each.machine.list.length === 40));
  });

  it('whose caller gives up is of unknown outcome; whose caller had given up before is rejected', async () => {
    const triad = await TestTriad.start('abort');
    const leader = await triad.decided();
    const controller = new AbortController();
    const proposal = leader.consensus.propose(Buffer.from('x'), { signal: controller.signal });
    controller.abort();
    await expect(proposal).rejects.toEqual(code('UNKNOWN'));
    const barrier = leader.consensus.readBarrier({ signal: controller.signal });
    await expect(barrier).rejects.toEqual(code('UNKNOWN'));
    await expect(leader.consensus.propose(Buffer.from('y'), { signal: controller.signal })).rejects.toEqual(
      code('REJECTED'),
    );
    await triad.until(() => leader.machine.list.length === 1);
  });

  it('made in the listener that control was gained is taken', async () => {
    const triad = await TestTriad.start('listener');
    let result: string | undefined;
    const { consensus } = triad.server('a');
    consensus.on({
      onControlGained: () => {
        consensus.propose(Buffer.from('first')).then(
          (applied) => {
            result = applied.result;
          },
          () => {},
        );
      },
    });
    await triad.until(() => result === '1');
  });
});

describe('a read barrier', () => {
  it('of many callers is one round', async () => {
    const triad = await TestTriad.start('barriers');
    const { consensus } = await triad.decided();
    const before = triad.world.nowMs;
    await triad.settled(Promise.all(Array.from({ length: 1_000 }, () => consensus.readBarrier())));
    expect(triad.world.nowMs - before).toBeLessThanOrEqual(103);
  });

  it('is not confirmed while nobody answers rounds', async () => {
    const triad = await TestTriad.start('unconfirmed');
    const { consensus } = await triad.decided();
    triad.hub.silence('b', 'a');
    triad.hub.silence('c', 'a');
    let isConfirmed = false;
    consensus.readBarrier().then(
      () => {
        isConfirmed = true;
      },
      () => {},
    );
    await triad.run(5_000);
    expect(isConfirmed).toBe(false);
  });
});

describe('stopping', () => {
  it('ends control, leaves proposals in doubt, closes the store, and may be repeated', async () => {
    const triad = await TestTriad.start('stop');
    const leader = await triad.decided();
    const proposal = leader.consensus.propose(Buffer.from('x'));
    const stopped = Promise.all([leader.consensus.stop(), leader.consensus.stop()]);
    await expect(triad.settled(proposal)).rejects.toEqual(code('UNKNOWN'));
    await triad.settled(stopped);
    expect(leader.events).toEqual(['gained 1', 'lost 1']);
    await expect(leader.consensus.propose(Buffer.from('y'))).rejects.toEqual(code('REJECTED'));
    await expect(leader.consensus.readBarrier()).rejects.toEqual(code('NOT_IN_CONTROL'));
  });
});

describe('a frame that is no message', () => {
  it('is ignored', async () => {
    const triad = await TestTriad.start('frames');
    const leader = await triad.decided();
    triad.hub.inject('b', 'a', Buffer.from('nonsense'));
    triad.hub.inject('b', 'a', Buffer.from([1, 9, 5, 200]));
    await triad.run(10);
    expect(await triad.propose(leader, 'x')).toBe('1');
  });
});
