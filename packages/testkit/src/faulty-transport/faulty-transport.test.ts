import { type Connection, silentLogger, type TransportFactory } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { createMemoryNetwork } from '../memory-transport/memory-network.ts';
import { memoryWorld } from '../memory-transport/memory-world.ts';
import { type Recorder, record } from '../transport-suite/recorder.ts';
import { transportSuite } from '../transport-suite/transport-suite.ts';
import { createVirtualWorld, type VirtualWorld } from '../virtual/virtual-world.ts';
import { createFaultControls, type FaultControls } from './fault-controls.ts';
import { faultyTransport } from './faulty-transport.ts';

transportSuite(
  { describe, it, expect },
  {
    name: 'faulty, without faults, over memory',
    capabilities: {
      canAbort: true,
      seesOrderlyEnd: true,
      addressForPortZero: true,
      canHalfOpen: true,
      canHangDial: true,
    },
    makeWorld() {
      const wrap = (factory: TransportFactory): TransportFactory => faultyTransport(factory, createFaultControls());
      return Promise.resolve(memoryWorld({ wrap }));
    },
  },
);

interface Scene {
  readonly world: VirtualWorld;
  /** Of the dialing side. */
  readonly controls: FaultControls;
  readonly dialed: Recorder;
  readonly accepted: Recorder;
}

/** Two ends 1 ms apart, the dialing one with faults. */
async function scene(): Promise<Scene> {
  const world = createVirtualWorld({ seed: 1 });
  const network = createMemoryNetwork({ world, latency: { minMs: 1, maxMs: 1 } });
  const controls = createFaultControls();
  const context = (name: string) => ({ runtime: world.runtime(name), logger: silentLogger });
  const accepted: Connection[] = [];
  const acceptor = network.transport('acceptor')(context('acceptor'));
  const listener = await acceptor.listen('mem://acceptor:1', { onConnection: (one) => accepted.push(one) });
  const dial = faultyTransport(network.transport('dialer'), controls)(context('dialer')).dial(listener.address);
  await world.run({ forMs: 10 });
  return { world, controls, dialed: record(await dial), accepted: record(accepted[0] as Connection) };
}

describe('faulty transport', () => {
  it('delays what it sends and receives, in order, with the end behind', async () => {
    const { world, controls, dialed, accepted } = await scene();
    controls.setDelay('outbound', 100);
    controls.setDelay('inbound', 50);
    dialed.connection.send('a');
    controls.setDelay('outbound', 0);
    dialed.connection.send('b');
    await world.run({ forMs: 100 });
    expect(accepted.frames).toEqual([]);
    await world.run({ forMs: 1 });
    expect(accepted.frames).toEqual(['a', 'b']);
    accepted.connection.send('answer');
    accepted.connection.close();
    await world.run({ forMs: 50 });
    expect(dialed.frames.length + dialed.reasons.length).toBe(0);
    await world.run({ forMs: 1 });
    expect(dialed.frames).toEqual(['answer']);
    expect(dialed.reasons.map(({ kind }) => kind)).toEqual(['orderly']);
  });

  it('holds one direction while the other goes on, and lets it go in order', async () => {
    const { world, controls, dialed, accepted } = await scene();
    controls.hold('inbound');
    accepted.connection.send('held');
    dialed.connection.send('passes');
    await world.run({ forMs: 1 });
    accepted.connection.close();
    await world.run({ forMs: 5_000 });
    expect(accepted.frames).toEqual(['passes']);
    expect(dialed.frames.length + dialed.reasons.length).toBe(0);
    controls.release('inbound');
    await world.settle();
    expect(dialed.frames).toEqual(['held']);
    expect(dialed.reasons.map(({ kind }) => kind)).toEqual(['orderly']);

    const second = await scene();
    second.controls.hold('outbound');
    second.dialed.connection.send('held');
    await second.world.run({ forMs: 100 });
    expect(second.accepted.frames).toEqual([]);
    second.controls.release('outbound');
    await second.world.run({ forMs: 1 });
    expect(second.accepted.frames).toEqual(['held']);
  });

  it('ends at once where its owner ends it, whatever is held', async () => {
    const { world, controls, dialed } = await scene();
    controls.hold('inbound');
    controls.hold('outbound');
    dialed.connection.send('never arrives');
    dialed.connection.abort();
    await world.settle();
    expect(dialed.reasons.map(({ kind }) => kind)).toEqual(['local']);
    expect(controls.connectionCount).toBe(0);
  });

  it('drops connections: both sides see a reset, and what was held is lost', async () => {
    const { world, controls, dialed, accepted } = await scene();
    controls.hold('outbound');
    dialed.connection.send('lost');
    expect(controls.dropConnections()).toBe(1);
    await world.run({ forMs: 10 });
    expect([...dialed.reasons, ...accepted.reasons].map(({ kind }) => kind)).toEqual(['reset', 'reset']);
    expect(accepted.frames).toEqual([]);
    expect(dialed.connection.send('late')).toBe(false);
    expect(controls.connectionCount).toBe(0);
  });
});
