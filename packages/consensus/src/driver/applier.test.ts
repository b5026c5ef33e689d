import { errorMessage, type LogEntry, type Runtime } from '@lic/interfaces';
import { createMemoryLogStore, MemoryDisk } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { harnessEntry } from '../harness/core-harness.ts';
import { ListMachine } from '../testing/list-machine.ts';
import { Applier } from './applier.ts';

/** A clock that each look moves by a millisecond, and timers that fire when told. */
function slowRuntime(): Runtime & { readonly timers: (() => void)[] } {
  let now = 0;
  const timers: (() => void)[] = [];
  return {
    timers,
    now: () => now,
    monotonic: () => {
      now += 1;
      return now;
    },
    setTimer: (_, callback) => {
      timers.push(callback);
      return { cancel: () => {} };
    },
    random: (count) => new Uint8Array(count),
  };
}

function setUp(machine = new ListMachine()) {
  const runtime = slowRuntime();
  const told: string[] = [];
  const applier = new Applier({ machine, store: createMemoryLogStore(new MemoryDisk()), runtime }, 0, {
    onResult: (entry, result) => told.push(`${entry.index}=${result}`),
    onApplied: (index) => told.push(`at ${index}`),
    onRestored: (index) => told.push(`restored ${index}`),
    onRefused: (why) => told.push(why),
    onBroken: (error) => told.push(errorMessage(error)),
  });
  return { machine, runtime, told, applier };
}

const command = (index: number, text: string): LogEntry => ({
  index,
  term: 1,
  kind: 'command',
  data: Buffer.from(text),
});

describe('applying', () => {
  it('of many commands lets other work have its turn', () => {
    const { machine, runtime, applier } = setUp();
    applier.add(Array.from({ length: 10_000 }, (_, at) => harnessEntry(at + 1, 1)));
    applier.run();
    let turns = 1;
    for (let next = runtime.timers.shift(); next !== undefined; next = runtime.timers.shift()) {
      turns += 1;
      next();
    }
    expect(machine.list.length).toBe(10_000);
    expect(turns).toBeGreaterThan(10);
  });

  it('waits for the preparation of one command before it prepares the next', async () => {
    const { told, applier } = setUp();
    applier.add([command(1, 'a'), command(2, 'slow:b'), command(3, 'c')]);
    applier.run();
    expect(told).toEqual(['1=1', 'at 1']);
    applier.add([command(4, 'd')]);
    applier.run();
    expect(told.length).toBe(2);
    await Promise.resolve();
    await Promise.resolve();
    expect(told).toEqual(['1=1', 'at 1', '2=2', 'at 2', '3=3', '4=4', 'at 4']);
  });

  it('tells of entries of consensus itself at once, so that control is gained before what follows', () => {
    const { told, applier } = setUp();
    applier.add([{ index: 1, term: 1, kind: 'noop', data: new Uint8Array(0) }, command(2, 'a')]);
    applier.run();
    expect(told).toEqual(['at 1', '2=1', 'at 2']);
  });

  it('stops for good before a command that can not be prepared, or that breaks the machine', async () => {
    const refusing = new ListMachine();
    refusing.refuses = 'b';
    const { machine, told, applier } = setUp(refusing);
    applier.add([command(1, 'a'), command(2, 'b'), command(3, 'c')]);
    applier.run();
    await Promise.resolve();
    await Promise.resolve();
    applier.run();
    expect(machine.list).toEqual(['a']);
    expect(told.at(-1)).toMatch(/entry 2 can't be prepared/);
    const broken = setUp();
    broken.machine.apply = () => {
      throw new Error('broken');
    };
    broken.applier.add([command(1, 'a')]);
    broken.applier.run();
    expect(broken.told).toEqual(["entry 1 can't be applied: broken"]);
  });

  it('leaves no entry out: it stops for good where one is missing', () => {
    const { told, applier } = setUp();
    applier.add([command(1, 'a'), command(3, 'c')]);
    applier.run();
    applier.add([command(2, 'b')]);
    applier.run();
    expect(told).toEqual(['1=1', expect.stringContaining('entry 3 is to be applied behind entry 1')]);
  });

  it('that is suspended goes on later where it was, and prepares anew what it had only prepared', async () => {
    const { told, applier } = setUp();
    applier.add([command(1, 'a'), command(2, 'slow:b'), command(3, 'c')]);
    applier.run();
    applier.suspend();
    await Promise.resolve();
    await Promise.resolve();
    applier.run();
    expect(told).toEqual(['1=1', 'at 1']);
    applier.resume();
    await Promise.resolve();
    await Promise.resolve();
    expect(told).toEqual(['1=1', 'at 1', '2=2', 'at 2', '3=3', 'at 3']);
  });
});
