import type { PeerId } from '@lic/interfaces';

/** JSON values, as they go over a peer link. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Requests and answers among servers, over one channel of the peer network (status, forwarding, reload checks). */
export interface PeerCalls {
  /** Asks `peer`; rejects with the peer's own `LicError`, or `PEER_UNREACHABLE` / `PEER_TIMEOUT`. */
  call(peer: PeerId, method: string, params: Json, timeoutMs: number): Promise<Json>;
  /** Answers calls of `method`. */
  handle(method: string, handler: (params: Json, from: PeerId) => Promise<Json> | Json): void;
}
