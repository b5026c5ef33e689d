import type { Transport } from '@lic/interfaces';
import type { SuiteRunner } from '../suite-runner.ts';

/** The limits that every transport can be given, under these names. The suite sets them small and goes past each. */
export interface TransportLimits {
  /** One frame's payload; a text frame counts in UTF-8. */
  readonly frameBytesMax: number;
  /** `send` answers `false` above it. */
  readonly highWaterBytes: number;
  /** `drained` resolves at or below it. */
  readonly lowWaterBytes: number;
  /** More in the send buffer ends the connection: `overrun`. */
  readonly sendBufferBytesMax: number;
  /** Connections accepted at once, where `listen` names no other bound. */
  readonly connectionsMax: number;
  /** `DIAL_TIMEOUT` after it, ms. */
  readonly dialMsMax: number;
  /** How long `close` waits for what was sent to go out, ms. */
  readonly lingerMsMax: number;
  /** Silence after which the other side is probed, ms. */
  readonly pingAfterMs: number;
  /** Silence after which the connection ends: `timeout`, ms. */
  readonly silenceMsMax: number;
}

/**
 * What a transport can do. Each is probed: one that is declared and missing fails the suite, and so does one that is
 * there and not declared. `false` leaves out the cases that need it.
 */
export interface TransportCapabilities {
  /** `abort` reaches the other side as `reset`. */
  readonly canAbort: boolean;
  /** `close` reaches the other side as `orderly`. */
  readonly seesOrderlyEnd: boolean;
  /** Listening on port 0 answers an address that can be dialled. */
  readonly addressForPortZero: boolean;
  /** Silence of the other side ends a connection; needs {@link TransportWorld.silentAddress}. */
  readonly canHalfOpen: boolean;
  /** Dials may hang; needs {@link TransportWorld.hangingAddress}. */
  readonly canHangDial: boolean;
}

/** Where one test happens. */
export interface TransportWorld {
  /** A transport for the side that dials. */
  dialer(limits: Partial<TransportLimits>): Transport;
  /** A transport for the side that listens. */
  acceptor(limits: Partial<TransportLimits>): Transport;
  /** What to listen on for any free port, e.g. `tcp://127.0.0.1:0`. */
  readonly anyPort: string;
  /** Settles as `promise` does, letting time go by meanwhile; rejects where it stays pending beyond reason. */
  run<Value>(promise: Promise<Value>): Promise<Value>;
  /** Capability `canHalfOpen`: an address that accepts a dial, and from then on says nothing and answers no probe. */
  silentAddress?(): Promise<string>;
  /** Capability `canHangDial`: an address at which a dial is neither accepted nor refused. */
  hangingAddress?(): Promise<string>;
  dispose?(): Promise<void>;
}

/** Runs `body` in a new world and disposes of it. */
export type WithWorld = (body: (world: TransportWorld) => Promise<void>) => () => Promise<void>;

/** What the cases get. */
export interface CaseContext {
  readonly runner: SuiteRunner;
  readonly capabilities: TransportCapabilities;
  readonly withWorld: WithWorld;
}
