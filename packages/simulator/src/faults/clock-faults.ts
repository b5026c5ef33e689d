import type { SeededRandom, VirtualRuntime } from '@lic/testkit';
import { type FaultDeed, type FaultTools, type Injected, someProduct } from './fault.ts';

type ClockFault = 'drift' | 'clockStep' | 'clockLeap' | 'clientClockStep';

const minuteMs = 60_000;

/** What befalls clocks. Drift stays within the bound that the lease rule allows for. */
export function clockFaults(tools: FaultTools): Record<ClockFault, FaultDeed> {
  const { servers } = tools;
  return {
    drift: ({ server, random }) => {
      const runtime = random.chance(0.5) && server.isUp ? server.runtime : someProduct(tools, random)?.runtime;
      const drift = (random.float() - 0.5) * 0.009;
      runtime?.setDrift(drift);
      return runtime && { what: `${runtime.name}, ${(drift * 100).toFixed(2)} %` };
    },
    clockStep: ({ server, random }) => (server.isUp ? stepClock(server.runtime, random) : undefined),
    clockLeap: ({ random }) => {
      const byMs = random.between(61, 1_440) * minuteMs;
      for (const server of servers) {
        if (server.isUp) server.runtime.stepWall(byMs);
        // The host's clock, not the process's: the next one finds it so.
        server.clock = { ...server.clock, wallOffsetMs: (server.clock.wallOffsetMs ?? 0) + byMs };
      }
      return { what: `all servers by ${byMs / minuteMs} min` };
    },
    clientClockStep: ({ random }) => stepClock(someProduct(tools, random)?.runtime, random),
  };
}

/** A clock is set, and set right again. */
function stepClock(runtime: VirtualRuntime | undefined, random: SeededRandom): Injected | undefined {
  if (runtime === undefined) return undefined;
  const byMs = (random.chance(0.5) ? 1 : -1) * random.float() * random.pick([2_000, 2 * minuteMs, 100 * minuteMs]);
  runtime.stepWall(byMs);
  return { what: `${runtime.name} by ${Math.round(byMs)} ms`, undo: () => runtime.stepWall(-byMs) };
}
