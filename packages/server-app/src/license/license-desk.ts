import {
  checkServerIdentity,
  type License,
  type LicenseServer,
  licenseHash,
  parseLicense,
  verifyLicense,
} from '@lic/core';
import { errorMessage, LicError, type Logger } from '@lic/interfaces';
import type { PeerEndpoint } from '../peers/triad-peers.ts';
import type { ServerOptions } from '../server-options.ts';

/** A license that the vendor's key signed and that names this server. */
export interface VerifiedLicense {
  readonly text: string;
  readonly license: License;
  readonly hash: string;
}

/** Verifies licenses for this server, remembering the last ones: each is looked at when it is proposed, and again in `prepare`. */
export class LicenseDesk {
  readonly #options: ServerOptions;
  readonly #logger: Logger;
  readonly #verified = new Map<string, VerifiedLicense>();
  /** What the file said when it was read last. */
  #fileHash: string | null = null;

  constructor(options: ServerOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** The hash of the file's license as it was read last, or null. */
  get fileHash(): string | null {
    return this.#fileHash;
  }

  /** Reads and verifies the license file. */
  async read(): Promise<VerifiedLicense> {
    const verified = await this.verify(await this.#options.readLicense());
    this.#fileHash = verified.hash;
    return verified;
  }

  /** Throws `LICENSE_INVALID`, `LICENSE_SIGNATURE`, `NOT_IN_LICENSE` or `HOST_ID_MISMATCH`. */
  async verify(text: string): Promise<VerifiedLicense> {
    const known = this.#verified.get(text);
    if (known !== undefined) return known;
    const license = await verifyLicense(text, this.#options.vendorKey);
    checkServerIdentity(license, this.#options.identity);
    const verified = { text, license, hash: licenseHash(license) };
    if (this.#verified.size >= verifiedMax) this.#verified.clear();
    this.#verified.set(text, verified);
    return verified;
  }

  /** The license in force has changed: the file follows it where the server may write it. */
  async follow(text: string): Promise<void> {
    const hash = licenseHash(parseLicense(text));
    if (hash === this.#fileHash || this.#options.writeLicense === undefined) return;
    try {
      await this.#options.writeLicense(text);
      this.#fileHash = hash;
      this.#logger.info('the license file was brought to the license in force', { licenseHash: hash });
    } catch (error) {
      this.#logger.warn('the license file could not be written; the log has the license in force all the same', {
        reason: errorMessage(error),
      });
    }
  }

  /** Where the servers of a license are: the license's addresses, or the administrator's where the configuration names them. */
  endpoints(license: License): readonly PeerEndpoint[] {
    return [...license.servers].sort((a, b) => a.rank - b.rank).map((server) => this.#endpoint(server));
  }

  #endpoint({ key, name, rank, address }: LicenseServer): PeerEndpoint {
    const configured = this.#options.servers?.find((server) => server.name === name);
    return { id: key, name, rank, addresses: configured?.addresses ?? [address] };
  }
}

const verifiedMax = 8;

/** Refuses a reload that names other keys than the license in force (until members can change). */
export function checkSameKeys(current: License, next: License): void {
  const keys = (license: License): string =>
    license.servers
      .map((server) => server.key)
      .sort()
      .join(' ');
  if (keys(current) === keys(next)) return;
  throw new LicError(
    'ONE_SERVER_AT_A_TIME',
    'The new license names other server keys than the one in force. Names, addresses and ranks may change freely; ' +
      'changing a server key by a reload is not supported yet.',
  );
}
