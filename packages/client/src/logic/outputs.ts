import type { EndReason } from '@lic/core';
import type { ClientMessage, ServerMessage, WireDenial } from '@lic/protocol';
import type { ClientErrorCode } from '../error-codes.ts';
import type { Holding } from './holding.ts';
import type { CallId, LinkId } from './inputs.ts';

/** What a grant's holder is told. */
export type GrantEvent =
  | { readonly type: 'reconnecting' }
  | { readonly type: 'resumed' }
  | { readonly type: 'moving'; readonly reason: string }
  | { readonly type: 'lost' }
  | { readonly type: 'ended'; readonly code: EndReason; readonly note?: string };

/** What whoever watches the client as a whole is told. */
export type ClientEvent =
  | { readonly type: 'connected'; readonly server: string; readonly rank: number; readonly term: number }
  | { readonly type: 'disconnected'; readonly server: string; readonly why: string }
  | { readonly type: 'moving'; readonly to: string | null; readonly reason: string }
  | { readonly type: 'serverRefused'; readonly address: string; readonly code: string; readonly message: string };

/** Why a call failed; the driver makes an error of it. */
export type Failure =
  | { readonly code: 'DENIED'; readonly denial: WireDenial }
  | {
      readonly code: ClientErrorCode;
      readonly message: string;
      readonly details?: Readonly<Record<string, unknown>>;
    };

/** Where a waiting checkout stands. */
export interface QueueNews {
  /** From 1. */
  readonly position: number;
}

/** What the logic wants done with connections and the process. */
export type LinkOutput =
  | { readonly kind: 'dial'; readonly link: LinkId; readonly address: string }
  | { readonly kind: 'send'; readonly link: LinkId; readonly message: ClientMessage }
  /**
   * Closes the connection, or gives up the dial. No `linkDown` or `linkFailed` need follow. Not `isOrderly`: by a reset, since the
   * server might take an orderly end for the session's own (triad.md, Time, `reclaim: disconnect`).
   */
  | { readonly kind: 'hangUp'; readonly link: LinkId; readonly isOrderly: boolean }
  /** Whether timers and connections keep the process alive from now on. */
  | { readonly kind: 'keepAlive'; readonly on: boolean };

/** What the logic tells calls, grants and watchers. */
export type CallOutput =
  | { readonly kind: 'granted'; readonly call: CallId; readonly holding: Holding }
  /** All features of a checkout of several, in the order in which they were asked for. */
  | { readonly kind: 'grantedAll'; readonly call: CallId; readonly holdings: readonly Holding[] }
  | { readonly kind: 'borrowed'; readonly call: CallId; readonly token: string }
  | { readonly kind: 'queued'; readonly call: CallId; readonly news: QueueNews }
  | { readonly kind: 'answered'; readonly call: CallId; readonly message: ServerMessage }
  | { readonly kind: 'done'; readonly call: CallId }
  | { readonly kind: 'failed'; readonly call: CallId; readonly failure: Failure }
  | { readonly kind: 'grantEvent'; readonly holding: Holding; readonly event: GrantEvent }
  | { readonly kind: 'clientEvent'; readonly event: ClientEvent };

/** Everything that the logic wants done, in order. */
export type Output = LinkOutput | CallOutput;

/** Takes outputs as they arise. */
export type Emit = (output: Output) => void;
