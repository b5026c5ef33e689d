/**
 * Raft: a core without input and output, the driver that makes it a `Consensus`, and the durable log beneath it.
 * `docs/consensus.md` has the rules.
 *
 * @packageDocumentation
 */
export { createRaftCore, type RaftCore } from './core/core.ts';
export { initialState, type RaftStart } from './core/initial-state.ts';
export type { RaftInput, Ready, WriteRequest } from './core/inputs.ts';
export type { MembersAnswer } from './core/membership-change.ts';
export type {
  Acknowledged,
  Append,
  AppendRefused,
  AppendReply,
  Message,
  NewerTerm,
  Outgoing,
  PreVote,
  Round,
  RoundReply,
  SnapshotChunk,
  SnapshotReply,
  TimeoutNow,
  VoteReply,
  VoteRequest,
  WitnessAnswer,
  WitnessQuestion,
} from './core/messages.ts';
export type {
  AppendLimits,
  Configuration,
  InFlightAppend,
  InFlightWrite,
  LinkState,
  MuteReason,
  Progress,
  RaftConfig,
  RaftLog,
  RaftRole,
  RaftState,
  StepDownReason,
  StoredLog,
} from './core/state.ts';
export type { RaftOptions } from './driver/options.ts';
export { raft } from './driver/raft.ts';
export { CoreHarness } from './harness/core-harness.ts';
export type {
  CoreHarnessOptions,
  EntryLike,
  HarnessEntry,
  HarnessMember,
  HarnessProgress,
  HarnessSnapshot,
  HarnessStored,
  MemberLike,
  RestartOptions,
} from './harness/core-harness-options.ts';
export { CoreNetwork, type CoreNetworkOptions, type InTransit, type MessageFilter } from './harness/core-network.ts';
export type { HarnessDisk } from './harness/harness-disk.ts';
export { harnessEntry, harnessLog, harnessMembers } from './harness/harness-entries.ts';
export { lanTiming } from './harness/harness-state.ts';
export { MemoryPeerHub, type MemoryPeerHubOptions } from './harness/memory-peer-hub.ts';
export { entryText, membersText, messageText, transitText } from './harness/message-text.ts';
export { type FileLogStoreOptions, fileLogStore } from './log/file-log-store.ts';
export type { FileSystem, OpenFile, OpenMode } from './log/file-system.ts';
export type { ProcessIdentity } from './log/folder-lock.ts';
export { inspectSegment, type SegmentInspection } from './log/segment-inspection.ts';
export { decodeMessage, encodeMessage } from './wire/codec.ts';
export { decodeConfiguration, encodeConfiguration } from './wire/configuration.ts';
