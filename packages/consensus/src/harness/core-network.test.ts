import { describe, expect, it } from 'vitest';
import { CoreNetwork } from './core-network.ts';

/** Three servers, `a` in control of term 1. */
function elected(): CoreNetwork {
  const net = new CoreNetwork();
  net.at('a').campaign();
  net.stabilize();
  expect(net.leader?.id).toBe('a');
  return net;
}

describe('messages', () => {
  it('arrive when told to, in the order told', () => {
    const net = elected();
    net.at('a').propose('x');
    expect(net.pending({ to: 'b' })).toMatchObject([{ from: 'a', message: { type: 'append' } }]);
    expect(net.deliver({ to: 'b' })).toBe(1);
    expect(net.at('b').lastIndex).toBe(2);
    expect(net.at('c').lastIndex).toBe(1);
    net.reorder();
    expect(net.messages[0]).toMatchObject({ from: 'b', to: 'a', message: { type: 'appendReply' } });
  });

  it('are lost, and arrive twice', () => {
    const net = elected();
    net.at('a').propose('x');
    net.drop({ to: 'c' });
    net.duplicate({ to: 'b' });
    expect(net.deliver({ to: 'b' })).toBe(2);
    net.stabilize();
    expect(net.at('b').commands).toEqual(['x']);
    expect(net.at('c').commands).toEqual([]);
  });

  it('can be picked one by one, and not twice', () => {
    const net = elected();
    net.at('a').propose('x');
    const [first] = net.pending({ to: 'c' });
    net.deliver(first);
    expect(() => net.deliver(first)).toThrow(/not under way/);
  });
});

describe('partitions', () => {
  it('keep groups apart until healed', () => {
    const net = elected();
    net.partition(['a'], ['b', 'c']);
    net.run(5_000);
    expect(net.leader?.id).not.toBe('a');
    expect(net.at('a').isLeader).toBe(false);
    net.heal();
    net.run(1_000);
    expect(net.at('a').state.leader).toBe(net.leader?.id);
  });

  it('cut one direction only', () => {
    const net = elected();
    net.cut('a', 'b');
    net.at('a').propose('x');
    net.stabilize();
    expect(net.at('b').lastIndex).toBe(1);
    expect(net.at('c').commands).toEqual(['x']);
  });
});

describe('servers', () => {
  it('come back with what is on their disks, and are brought up to date', () => {
    const net = elected();
    net.at('a').propose('x');
    net.stabilize();
    net.crash('b');
    net.at('a').propose('y');
    net.stabilize();
    net.restart('b');
    expect(net.at('b').commands).toEqual([]);
    net.run(2_000);
    expect(net.at('b').commands).toEqual(['x', 'y']);
  });

  it('are sent a snapshot where the log does not reach back', () => {
    const net = elected();
    net.crash('c');
    for (const text of ['x', 'y', 'z']) net.at('a').propose(text);
    net.stabilize();
    expect(net.at('a').snapshot()).toBe(4);
    net.restart('c');
    net.run(2_000);
    expect(net.at('c').state.log.baseIndex).toBe(4);
    expect(net.at('c').commands).toEqual(['x', 'y', 'z']);
  });

  it('start in given states, and say who is up', () => {
    const net = new CoreNetwork({ term: 2, servers: { a: { log: [1, 2] }, b: { log: [1] } } });
    expect(net.at('a').lastIndex).toBe(2);
    expect(() => net.at('c')).toThrow('there are a, b');
  });
});

it('a network is forked: what happens in one does not in the other', () => {
  const net = elected();
  net.at('a').propose('x');
  const other = net.fork();
  other.drop();
  net.stabilize();
  expect(net.at('b').commands).toEqual(['x']);
  expect(other.pending()).toEqual([]);
  expect(other.at('b').lastIndex).toBe(1);
});
