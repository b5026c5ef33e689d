import type { CloseReason } from '@lic/interfaces';
import type { AdminRequest, BorrowMessage, ServerMessage, WelcomeMessage } from '@lic/protocol';

/** Both clocks at one moment, in milliseconds. Leases count by the monotonic one; the other only betrays a sleep or a step. */
export interface Clocks {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** A connection or an attempt at one, as the logic numbers them. */
export type LinkId = number;
/** A call of the product that awaits an outcome; numbered by the driver. */
export type CallId = number;

/** Why a connection could not be had. */
export interface LinkFailure {
  readonly code: string;
  readonly message: string;
}

/** What the product asked for of one feature. */
export interface WantedFeature {
  readonly feature: string;
  readonly version: string | undefined;
  readonly releasedAt?: string | undefined;
  readonly display?: string | undefined;
  readonly shareKey?: string | undefined;
  readonly count: number;
  /** The fewest seats that will do; undefined: all of `count`. */
  readonly countMin?: number | undefined;
}

/** A checkout as the product asked for it. */
export interface Wanted extends WantedFeature {
  /** Other features, all or nothing; undefined where it is one feature alone. */
  readonly more?: readonly WantedFeature[] | undefined;
  /** How long it may wait in the queue, ms; 0: not at all. */
  readonly waitMs: number;
  /** The seats are to be borrowed: not held by this client's session, but on paper. */
  readonly borrow?: Pick<BorrowMessage, 'borrow' | 'ends'> | undefined;
}

/** A question that belongs to no session. */
export type Question =
  | { readonly t: 'status'; readonly token?: string }
  | { readonly t: 'admin'; readonly token: string; readonly request: AdminRequest }
  | { readonly t: 'return'; readonly borrow: string }
  | { readonly t: 'present'; readonly token: string };

/** Everything that can happen to a client. */
export type Input =
  /** Random bytes, at least `entropyBytesMin`. */
  | { readonly kind: 'entropy'; readonly bytes: Uint8Array }
  /** Time has passed. */
  | { readonly kind: 'wake' }
  /** A dial led to a server that has proved what it is. */
  | { readonly kind: 'linkUp'; readonly link: LinkId; readonly welcome: WelcomeMessage }
  | { readonly kind: 'linkFailed'; readonly link: LinkId; readonly failure: LinkFailure }
  | { readonly kind: 'message'; readonly link: LinkId; readonly message: ServerMessage }
  | { readonly kind: 'linkDown'; readonly link: LinkId; readonly reason: CloseReason }
  | { readonly kind: 'checkout'; readonly call: CallId; readonly wanted: Wanted }
  /** The product gives up a checkout; the driver has rejected its promise. */
  | { readonly kind: 'abandon'; readonly call: CallId }
  | { readonly kind: 'checkin'; readonly call: CallId; readonly grant: string }
  | { readonly kind: 'ask'; readonly call: CallId; readonly question: Question }
  | { readonly kind: 'close'; readonly call: CallId };
