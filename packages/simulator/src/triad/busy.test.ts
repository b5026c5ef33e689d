import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';

const features = [{ name: 'compare', version: '12.0', count: 100, leaseSeconds: 10 }];

describe('a server in control with more commands under way than it takes', () => {
  it('refuses with BUSY, surely not carried out, and the same request is taken a moment later', async () => {
    const cluster = await Cluster.start({ features, raft: { inFlightBytesMax: 1_500 } });
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    const messages = Array.from({ length: 20 }, () => session.checkoutMessage());
    for (const message of messages) session.link.send(message);
    const answers = [];
    for (const { id } of messages) answers.push(await session.link.answer(id));
    const firstBusy = answers.findIndex((answer) => 'code' in answer && answer.code === 'BUSY');
    expect(answers[firstBusy]).toMatchObject({ t: 'error', retryable: true });
    expect(control.server.inspect().ledger.summary().grants).toBe(1 + firstBusy);
    for (const message of messages.slice(firstBusy)) {
      expect(await session.repeat(message)).toMatchObject({ t: 'granted', grant: { checkoutSeq: message.seq } });
    }
    expect(control.server.inspect().ledger.summary().grants).toBe(21);
  });

  it('serves all clients in the end, each of which comes again by itself', async () => {
    const cluster = await Cluster.start({ features, raft: { inFlightBytesMax: 1_500 } });
    const control = await cluster.control();
    const clients = Array.from({ length: 20 }, () => cluster.client());
    const checkouts = clients.flatMap((client) => [client.checkout('compare'), client.checkout('compare')]);
    await cluster.during(Promise.all(checkouts), 10_000);
    expect(control.server.inspect().ledger.summary().grants).toBe(40);
    await cluster.during(Promise.all(clients.map((client) => client.close())));
  });
});
