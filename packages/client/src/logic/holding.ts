import type { EndReason } from '@lic/core';

/** A grant as this client holds it. */
export interface Holding {
  readonly id: string;
  readonly feature: string;
  readonly version: string;
  readonly count: number;
  readonly sinceMs: number;
  readonly leaseMs: number;
  readonly reclaim: 'lease' | 'disconnect';
  /** Taken in the days of grace. */
  readonly inGrace: boolean;
  /** With it more seats were taken than are licensed. */
  readonly overdraft: boolean;
  /** What the license has for the product. */
  readonly vendorData: string | undefined;
  /** Grants that name the same share have the same seats; undefined: they are its own. */
  readonly share: string | undefined;
  /** When the product was active with it last, monotonic ms; null where it does not say: such a grant is never idle. */
  activeMs: number | null;
  /** `lost` was told and neither `resumed` nor `ended` has followed yet. */
  isLost: boolean;
  /** Set once and for good. */
  end: { readonly code: EndReason; readonly note?: string } | null;
}

/** What a grant is at this moment. It holds a seat for sure in `holding`, and in `reconnecting` while `holds` says so. */
export type GrantState = 'holding' | 'reconnecting' | 'lost' | 'ended';
