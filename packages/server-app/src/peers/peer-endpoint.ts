import type { PeerId } from '@lic/interfaces';

/** Where a member is. */
export interface PeerEndpoint {
  readonly id: PeerId;
  readonly name: string;
  /** 1 is the primary. */
  readonly rank: number;
  readonly addresses: readonly string[];
}
