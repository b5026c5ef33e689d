import type { Logger, Runtime, TransportFactory } from '@lic/interfaces';
import type { BorrowStore } from './kept-borrow.ts';

/** Whom the client trusts. One of the two must be said. */
export type TrustOptions =
  /** The vendor's public key as text (`ed25519:…`), compiled into the product: only servers that a license of this vendor names are used. */
  | { readonly vendorKey: string; readonly insecure?: false }
  /** Any server will do. For tools of an administrator who has no vendor key; never for a product. */
  | { readonly insecure: true; readonly vendorKey?: undefined };

/** Who holds the seats. The servers take it as it is said: rules of a policy that go by it trust the client. */
export interface Identity {
  readonly user: string;
  readonly host: string;
  /** What the seats are used for, where the policy has rules for it. */
  readonly project?: string;
  /** Which product asks, where the policy has rules for it. */
  readonly product?: string;
}

/** What {@link createClient} takes. */
export type ClientOptions = TrustOptions & {
  /** Addresses of all servers (`tcp://lic1.example.com:7411`), best first. Others are learned from them. */
  readonly servers: readonly string[];
  /** At least one, e.g. `[tcp()]`. */
  readonly transports: readonly TransportFactory[];
  /** Who holds the seats, as status and denials show it. At most 128 characters each. */
  readonly identity: Identity;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Default: the platform's, of `@lic/runtime`. */
  readonly runtime?: Runtime;
  /** How long a call looks for a server in control before it fails, ms. Default 10 000. */
  readonly controlWaitMs?: number;
  /** For dial and welcome of one server together, ms. Default 5 000. */
  readonly connectTimeoutMs?: number;
  /** Name and version of the product, for the servers' logs. */
  readonly agent?: string;
};

/** What a checkout may say of a feature. */
export interface SeatOptions {
  /** The least version of the feature that will do. Default: any. */
  readonly version?: string;
  /**
   * When this release of the product was made, a date or an instant in UTC: `2026-11-24`. Licenses with `supportedUntil` want to
   * know.
   */
  readonly releasedAt?: string;
  /** The display of the user's session, where licenses share seats by it. At most 128 characters. */
  readonly display?: string;
  /** What the product shares seats by, a project or a document, where licenses do so. At most 128 characters. */
  readonly shareKey?: string;
  /** Seats. Default 1. */
  readonly count?: number;
  /**
   * The fewest seats that will do, at most `count`: where fewer than `count` are free the grant has as many as there are. Its `count`
   * says how many. Default: all of `count`.
   */
  readonly countMin?: number;
}

/** One of several features that are checked out together. */
export interface FeatureWish extends SeatOptions {
  readonly feature: string;
}

/** What a checkout may say. */
export interface CheckoutOptions extends SeatOptions {
  /** How long to wait in the queue where no seat is free, ms, at most a day. Default 0: a full pool is denied at once. */
  readonly wait?: number;
  /** Gives up: the queue place is taken back, a seat granted meanwhile too, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called when the checkout waits, with its place in the queue (from 1). */
  readonly onQueued?: (place: { readonly position: number }) => void;
}

/** What a borrow may say. `for` or `until`: one of the two. */
export type BorrowOptions = Omit<SeatOptions, 'shareKey' | 'countMin'> & {
  /** Where the borrow is kept, also over restarts: `fileBorrowStore` of `@lic/client/node`, or one of your own. */
  readonly store: BorrowStore;
  /** Gives up. Where the servers lent all the same, the borrow goes back by itself, or with the next call for this store. */
  readonly signal?: AbortSignal;
} & (
    | {
        /** How long, ms, at most 366 days. */
        readonly for: number;
        readonly until?: undefined;
      }
    | {
        /** Its end, by the servers' time. */
        readonly until: Date;
        readonly for?: undefined;
      }
  );

export const connectTimeoutMsDefault = 5_000;
/** How this library names itself where the product does not. */
export const agentDefault = '@lic/client';
