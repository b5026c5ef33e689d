import { type Runtime, silentLogger } from '@lic/interfaces';
import { describe, expect, test } from 'vitest';
import { Driver } from './driver.ts';
import type { ClientLogic } from './logic/client-logic.ts';
import { blindTrust } from './trust.ts';

interface SetTimer {
  readonly delayMs: number;
  readonly fire: () => void;
}

/** A driver around a logic that only wants to be woken at `wakeMs`. */
function rig(wakeMs: number) {
  const inputs: string[] = [];
  const timers: SetTimer[] = [];
  const clock = { nowMs: 0 };
  const runtime: Runtime = {
    now: () => clock.nowMs,
    monotonic: () => clock.nowMs,
    random: (byteCount) => new Uint8Array(byteCount),
    setTimer(delayMs, fire) {
      timers.push({ delayMs, fire });
      return { cancel: () => undefined };
    },
  };
  const logic = {
    entropyLeft: Infinity,
    step: ({ kind }: { readonly kind: string }) => {
      inputs.push(kind);
      return [];
    },
    nextWakeMs: () => wakeMs,
  };
  const driver = new Driver({
    runtime,
    logger: silentLogger,
    logic: logic as unknown as ClientLogic,
    trust: blindTrust(),
    agent: 'test',
    connectTimeoutMs: 1,
    transportFor: () => {
      throw new Error('nothing is dialled here');
    },
    onOutput: () => undefined,
  });
  driver.input({ kind: 'abandon', call: 1 });
  return { inputs, timers, clock };
}

describe('the driver', () => {
  test('wakes the logic when it wants to be', () => {
    const { inputs, timers, clock } = rig(100);
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([100]);
    clock.nowMs = 101;
    timers[0]?.fire();
    expect(inputs).toEqual(['abandon', 'wake']);
  });

  test('after a stall hears first what has arrived meanwhile', () => {
    const { inputs, timers, clock } = rig(100);
    clock.nowMs = 1_500;
    timers[0]?.fire();
    expect(inputs).toEqual(['abandon']);
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([100, 1]);
    clock.nowMs = 1_502;
    timers[1]?.fire();
    expect(inputs).toEqual(['abandon', 'wake']);
  });
});
