/**
 * The contracts of lic, and nothing that runs but the error base: what may be plugged in, and what it promises.
 *
 * @packageDocumentation
 */
export {
  type Applied,
  absentIncarnation,
  type ConfiguredMember,
  type Consensus,
  type ConsensusContext,
  type ConsensusEvents,
  type ConsensusFactory,
  type ConsensusPeerStatus,
  type ConsensusState,
  type ConsensusStatus,
  type ConsensusTiming,
  type Formation,
  type Member,
  type ProposeOptions,
} from './consensus.ts';
export { errorCode, errorMessage, isLicError, LicError, type LicErrorOptions } from './errors.ts';
export type { LogEntry, LogStore, LogWrite, SnapshotMeta, StoreContents, StoreDamage, Vote } from './log-store.ts';
export { type LogFields, type Logger, silentLogger } from './logger.ts';
export type { PeerChannel, PeerId, PeerLink, PeerNetwork } from './peer-network.ts';
export type { Runtime, Timer, TimerOptions } from './runtime.ts';
export type { SignatureScheme } from './signature-scheme.ts';
export type { StateMachine } from './state-machine.ts';
export type {
  CloseKind,
  CloseReason,
  Connection,
  DialOptions,
  Frame,
  Listener,
  ListenOptions,
  Transport,
  TransportContext,
  TransportFactory,
} from './transport.ts';
