import type { PeerId } from '@lic/interfaces';
import type { ControlHint, ServerState } from '@lic/protocol';
import type { PeerEndpoint } from '../peers/triad-peers.ts';

/** What this server may say of control at this moment. */
export interface ControlView {
  readonly state: ServerState;
  readonly term: number;
  readonly leader: PeerId | null;
  /** Why it takes no part, if so. */
  readonly trouble: string | null;
  /** It serves nobody any more: its connections are about to be closed. */
  readonly isStopping?: boolean;
}

/** A member as clients are told of it. */
export function hintOf(endpoint: PeerEndpoint | undefined): ControlHint | null {
  if (endpoint === undefined) return null;
  return { rank: endpoint.rank, name: endpoint.name, key: endpoint.id, addresses: [...endpoint.addresses] };
}
