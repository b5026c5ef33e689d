import type { Asker } from '../../policy/document.ts';
import type { EndReason } from '../results.ts';
import type { Key, ModelDenial } from './model-replies.ts';

/** Seats that several grants have. */
export interface Share {
  /** The grant that was the first to have them. A session that begins anew under its old id may have one of this key again. */
  readonly first: Key;
  /** What those who have them agree in. */
  readonly terms: string;
  /** In the order in which they began. */
  readonly serial: number;
}

/** A grant of the model. */
export interface Held {
  readonly key: Key;
  readonly session: string;
  readonly seq: number;
  readonly pool: string;
  readonly count: number;
  readonly sinceMs: number;
  readonly leaseMs: number;
  readonly holdMs: number;
  readonly reclaim: 'lease' | 'disconnect';
  readonly isOverdraft: boolean;
  readonly display: string | undefined;
  readonly address: string | undefined;
  /** The same object in all grants that have these seats; null: its seats are its own. */
  readonly share: Share | null;
  ending: { readonly reason: EndReason; readonly note?: string } | null;
}

/** Seats that stay taken although they were given back. */
export interface Lingering {
  readonly key: Key;
  readonly pool: string;
  /** What a checkout agrees in that may use them. */
  readonly holder: string;
  readonly user: string;
  readonly host: string;
  count: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Borrowed seats of the model. */
export interface Borrowed {
  readonly id: string;
  /** Who asked, as the policy's rules see it. */
  readonly asker: Asker;
  readonly pool: string;
  readonly user: string;
  readonly host: string;
  readonly count: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** A queue place of the model. */
export interface Waiting {
  readonly key: Key;
  readonly session: string;
  readonly seq: number;
  readonly feature: string;
  readonly version?: string | undefined;
  readonly releasedAt?: string | undefined;
  readonly display?: string | undefined;
  readonly shareKey?: string | undefined;
  readonly address?: string | undefined;
  readonly count: number;
  readonly countMin?: number | undefined;
  readonly untilMs: number;
  readonly leaseMs: number;
  readonly holdMs: number;
}

/** What a request came to where nothing of it stands. */
export type Past =
  | { readonly type: 'done' | 'refused' }
  | { readonly type: 'denied'; readonly denial: ModelDenial }
  | { readonly type: 'borrowed'; readonly id: string }
  | {
      readonly type: 'ended';
      readonly reason: EndReason;
      readonly isGrant: boolean;
      untoldSince: 'never told' | number | null;
    };

/** A session of the model. */
export interface Client {
  readonly id: string;
  readonly secretHash: string;
  readonly user: string;
  readonly host: string;
  readonly project?: string;
  readonly product?: string;
  epoch: number;
  floor: number;
  openAttempt: number;
  resume: { readonly request: string; attempt: number } | null;
  lastSeq: number;
  awaited: number;
  readonly past: Map<number, Past>;
}
