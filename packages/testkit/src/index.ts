export { createFaultControls, type Direction, type FaultControls } from './faulty-transport/fault-controls.ts';
export { faultyTransport } from './faulty-transport/faulty-transport.ts';
export type {
  LogStoreCapabilities,
  LogStoreSubject,
  LogStoreSuiteOptions,
} from './log-store-suite/log-store-subject.ts';
export { logStoreSuite } from './log-store-suite/log-store-suite.ts';
export { type CrashLoss, type EndStall, type InjectedFault, MemoryDisk } from './memory-log-store/memory-disk.ts';
export { createMemoryLogStore, type MemoryLogStoreOptions } from './memory-log-store/memory-log-store.ts';
export {
  createMemoryNetwork,
  type Latency,
  type MemoryNetwork,
  type MemoryNetworkOptions,
  memoryLimits,
  type SeenAs,
} from './memory-transport/memory-network.ts';
export { type SignatureSuiteOptions, signatureSchemeSuite } from './signature-suite/signature-suite.ts';
export type { SuiteExpectation, SuiteRunner } from './suite-runner.ts';
export { type RealTransportWorldOptions, realTransportWorld } from './transport-suite/real-world.ts';
export { type TransportSuiteOptions, transportSuite } from './transport-suite/transport-suite.ts';
export type { TransportCapabilities, TransportLimits, TransportWorld } from './transport-suite/transport-world.ts';
export { type SeededRandom, seededRandom } from './virtual/random.ts';
export {
  createVirtualWorld,
  type RunLimits,
  type VirtualClockOptions,
  type VirtualRuntime,
  type VirtualWorld,
  virtualEpochMs,
} from './virtual/virtual-world.ts';
