import type { EndReason } from '@lic/core';

/** One call of a product to its client library. */
export interface ClientCall {
  /** From 1, in the order in which the calls of a run began. */
  readonly id: number;
  readonly client: string;
  readonly kind: 'checkout' | 'checkin';
  readonly feature: string;
  /** Seats. */
  readonly count: number;
  /** Of a checkout: the fewest seats that will do. */
  readonly countMin: number;
  /** Of a checkout: how long it may wait in the queue, ms; 0: not at all. */
  readonly waitMs: number;
  /** Those of several features that are checked out at once have the same number. */
  readonly together?: number | undefined;
  /** Of a checkin: what is given back. */
  readonly grant: string | undefined;
}

/** What a call came to. */
export type ClientOutcome =
  | { readonly kind: 'granted'; readonly grant: string; readonly version: string; readonly count: number }
  /** The servers decided against it: it took nothing. */
  | { readonly kind: 'denied'; readonly code: string }
  /** A checkin is committed. */
  | { readonly kind: 'done' }
  /** No answer came in time, or nobody waited for it: it may have taken effect, or may yet. */
  | { readonly kind: 'unknown'; readonly code: string };

/** Looks on at what clients ask and are told, in real order. A call of a client that is killed never returns. */
export interface CallObserver {
  onCall(call: ClientCall): void;
  onReturn(call: ClientCall, outcome: ClientOutcome): void;
  /** A client learned that its grant has ended. */
  onEnded(client: string, grant: string, reason: EndReason): void;
}
