import { beforeEach, describe, expect, it } from 'vitest';
import { CoreNetwork } from '../../index.ts';

// The Raft paper, figure 8: why an entry of an older term is not committed by counting its copies.
const members = ['s1', 's2', 's3', 's4', 's5'];
let net: CoreNetwork;

/** One server asks for votes until it leads, or has tried often enough. The others may be at a later term than it knows. */
function campaign(id: string, tries = 3): void {
  for (let each = 0; each < tries && !net.at(id).isLeader; each += 1) {
    net.at(id).campaign();
    while (net.deliver({ type: 'vote' }) + net.deliver({ type: 'voteReply' }) > 0);
  }
}

beforeEach(() => {
  // (a) S1 leads term 2, and has replicated the entry at index 2 to S2 only.
  net = new CoreNetwork({
    members,
    term: 2,
    log: [1],
    commit: 1,
    preVote: false,
    checkQuorum: false,
    electionTimeoutMs: 500,
    servers: {
      s1: { log: [1, 2], role: 'leader', progress: { s2: { match: 2 } } },
      s2: { log: [1, 2] },
      s3: {},
      s4: {},
      s5: {},
    },
  });
  net.drop();

  // (b) S1 crashes. S5 is elected for term 3 by S3, S4 and itself, and takes a different entry at index 2.
  net.crash('s1');
  campaign('s5');
  expect(net.at('s5').state).toMatchObject({ role: 'leader', term: 3 });
  expect(net.at('s5').logTerms).toEqual([1, 3]);
  net.drop();

  // (c) S5 crashes. S1 restarts, is elected for term 4, and goes on with its entry of term 2, which reaches S3: a majority has it.
  net.crash('s5');
  net.restart('s1');
  campaign('s1');
  expect(net.at('s1').state).toMatchObject({ role: 'leader', term: 4 });
  expect(net.at('s1').logTerms).toEqual([1, 2, 4]);
  net.deliver({ to: 's3', type: 'append' });
  net.deliver({ from: 's3', type: 'appendRefused' });
  const [onward] = net.pending({ to: 's3', type: 'append' });
  const append = onward!.message;
  expect(append).toMatchObject({ prevIndex: 1, entries: [{ term: 2 }, { term: 4 }] });
  if (append.type !== 'append') throw new Error('not an append');
  // The message may as well have held only the first of its two entries; the rest of what S1 sent is lost.
  net.drop();
  net.at('s3').deliver('s1', { ...append, entries: append.entries.slice(0, 1) });
  net.at('s2').deliver('s1', { ...append, prevIndex: 2, prevTerm: 2, entries: [] });
  net.deliver({ from: 's3' });
  net.deliver({ from: 's2' });
});

describe('Figure 8', () => {
  it('(c) the entry of term 2 is on a majority, and not committed', () => {
    const { peers, log, commit } = net.at('s1').state;
    expect([log.durableTo, peers.get('s2')?.match, peers.get('s3')?.match]).toEqual([3, 2, 2]);
    expect(commit).toBeLessThan(2);
    for (const id of ['s1', 's2', 's3']) expect(net.at(id).logTerms.slice(0, 2)).toEqual([1, 2]);
  });

  it('(d) if S1 crashes, S5 is elected by S2, S3, S4 and itself, and overwrites it with its own entry of term 3', () => {
    net.crash('s1');
    net.drop();
    net.restart('s5');
    campaign('s5');
    expect(net.at('s5').state).toMatchObject({ role: 'leader', term: 5 });
    net.run(2_000);
    for (const id of ['s2', 's3', 's4', 's5']) {
      expect(net.at(id).logTerms).toEqual([1, 3, 5]);
      expect(net.at(id).state.commit).toBe(3);
    }
    // S1 comes back, and gives way as well.
    net.restart('s1');
    net.run(3_000);
    expect(net.at('s1').logTerms).toEqual([1, 3, 5]);
  });

  it('(e) if S1 first replicates an entry of its own term to a majority, both are committed, and S5 cannot win', () => {
    net.run(2_000);
    net.at('s1').propose('x');
    net.stabilize('s1', 's2', 's3');
    expect(net.at('s1').state.commit).toBe(4);
    net.crash('s1');
    net.drop();
    net.crash('s4');
    net.restart('s4');
    net.restart('s5');
    campaign('s5', 5);
    expect(net.at('s5').isLeader).toBe(false);
    for (const id of ['s2', 's3']) expect(net.at(id).logTerms).toEqual([1, 2, 4, 4]);
  });
});
