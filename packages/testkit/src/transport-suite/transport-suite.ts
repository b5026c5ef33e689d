import type { SuiteRunner } from '../suite-runner.ts';
import { backpressureCases } from './backpressure-cases.ts';
import { closeEventCases } from './close-event-cases.ts';
import { dialCases } from './dial-cases.ts';
import { endCases } from './end-cases.ts';
import { frameCases } from './frame-cases.ts';
import { listenCases } from './listen-cases.ts';
import { manifestCases } from './manifest-cases.ts';
import { silenceCases } from './silence-cases.ts';
import type { CaseContext, TransportCapabilities, TransportWorld, WithWorld } from './transport-world.ts';

/** What {@link transportSuite} tests. */
export interface TransportSuiteOptions {
  readonly name: string;
  readonly capabilities: TransportCapabilities;
  makeWorld(): Promise<TransportWorld>;
}

/** Proves the contract of `Transport`, sentence by sentence. Every implementation, and every wrapper, passes it. */
export function transportSuite(runner: SuiteRunner, options: TransportSuiteOptions): void {
  const withWorld: WithWorld = (body) => async () => {
    const world = await options.makeWorld();
    try {
      await body(world);
    } finally {
      await world.dispose?.();
    }
  };
  const context: CaseContext = { runner, capabilities: options.capabilities, withWorld };
  runner.describe(`transport: ${options.name}`, () => {
    manifestCases(context);
    frameCases(context);
    endCases(context);
    closeEventCases(context);
    backpressureCases(context);
    dialCases(context);
    listenCases(context);
    silenceCases(context);
  });
}
