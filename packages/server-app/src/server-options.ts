import type { LedgerSettings, LedgerVersionRange } from '@lic/core';
import type {
  ConsensusFactory,
  ConsensusTiming,
  Logger,
  LogStore,
  Runtime,
  SignatureScheme,
  TransportFactory,
} from '@lic/interfaces';

/** Addresses that override those of the license: what binds is the key (architecture.md, License file). */
export interface ServerAddresses {
  /** The server's name in the license. */
  readonly name: string;
  /** What peers and clients may dial, e.g. `['tcp://10.0.0.1:7411', 'ws://10.0.0.1:7412']`. Peers take the first that they have a transport for. */
  readonly addresses: readonly string[];
}

/** Everything a server is composed from. It names no concrete transport, consensus or disk. */
export interface ServerOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly transports: readonly TransportFactory[];
  readonly consensus: ConsensusFactory;
  /** Not opened yet. */
  readonly store: LogStore;
  /** Of the identity keys: Ed25519. */
  readonly scheme: SignatureScheme;
  /** This server's identity: the key that the license names. */
  readonly identity: { readonly publicKey: string; readonly privateKeyPem: string; readonly hostId?: string };
  /** The vendor's public key as text. */
  readonly vendorKey: string;
  /** Reads the license file: at the start (it seeds a first start), and for a reload. */
  readLicense(): Promise<string>;
  /** Writes the license in force where it differs from the file (triad.md, Server states). Absent: the file is left alone. */
  writeLicense?(text: string): Promise<void>;
  /** Addresses to bind; port 0 takes a free one. */
  readonly listen: readonly string[];
  readonly servers?: readonly ServerAddresses[];
  /** Started `--new`: nothing older than this triad can hold seats. */
  readonly isNew: boolean;
  /** The token that administrative verbs need. */
  readonly adminToken: string;
  readonly timing: ConsensusTiming;
  /** Seeds of the replicated settings, used when the triad forms. */
  readonly settings: LedgerSettings;
  /** `auto`: control goes back to the best rank; `sticky`: it stays. Default `auto`. */
  readonly failback?: 'auto' | 'sticky';
  /** How long a better-ranked server must have been well before control goes back to it, ms. Default 100 rounds (`lan`: 10 s). */
  readonly failbackAfterMs?: number;
  /** The ledger rules that this server knows; default: those of its code. For tests of upgrades, server by server. */
  readonly ledgerVersions?: LedgerVersionRange;
  /** For status: the operating-system process id and the product's version. */
  readonly pid?: number;
  readonly version?: string;
}
