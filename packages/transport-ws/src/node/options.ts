import type { LookupFunction } from 'node:net';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import type { WsLimits } from '../limits.ts';

/** What `ws` takes under Node. */
export interface WsOptions extends Partial<WsLimits> {
  /** For `wss:` addresses. Listening needs a key and a certificate; dialling checks the other side's as Node does. */
  readonly tls?: {
    /** Node's options for dialling: `ca`, `servername`, `checkServerIdentity`, …; TLS 1.3 unless they say otherwise. */
    readonly dial?: ConnectionOptions;
    /** Node's options for listening: `key`, `cert`, `requestCert`, …; TLS 1.3 unless they say otherwise. */
    readonly listen?: TlsOptions;
  };
  /** Finds a host's address. Default: the system's resolver. */
  readonly lookup?: LookupFunction;
}
