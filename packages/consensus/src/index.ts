/**
 * Raft: a core without input and output, the driver that makes it a `Consensus`, and the durable log beneath it.
 * `docs/consensus.md` has the rules.
 *
 * @packageDocumentation
 */
export { createRaftCore, type RaftCore } from './core/core.ts';
export { initialState, type RaftStart } from './core/initial-state.ts';
export type { RaftInput, Ready, WriteRequest } from './core/inputs.ts';
export type { Message, Outgoing } from './core/messages.ts';
export type { RaftConfig, RaftState } from './core/state.ts';
export type { RaftOptions } from './driver/options.ts';
export { raft } from './driver/raft.ts';
export { CoreHarness, type CoreHarnessOptions, harnessEntry, lanTiming } from './harness/core-harness.ts';
export { MemoryPeerHub, type MemoryPeerHubOptions } from './harness/memory-peer-hub.ts';
export { type FileLogStoreOptions, fileLogStore } from './log/file-log-store.ts';
export { decodeMessage, encodeMessage } from './wire/codec.ts';
