/**
 * Raft: a core without input and output, the driver that makes it a `Consensus`, and the durable log beneath it.
 *
 * @packageDocumentation
 */
export type { RaftOptions } from './driver/options.ts';
export { raft } from './driver/raft.ts';
export { type FileLogStoreOptions, fileLogStore } from './log/file-log-store.ts';
export { type CoreHarnessOptions, CoreHarness, harnessEntry, lanTiming } from './harness/core-harness.ts';
export { MemoryPeerHub, type MemoryPeerHubOptions } from './harness/memory-peer-hub.ts';
