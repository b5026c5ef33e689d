import {
  checkServerIdentity,
  type License,
  type LicenseServer,
  type VerifiedLicenses,
  verifyLicenses,
} from '@lic/core';
import { errorCode, errorMessage, isLicError, type Logger } from '@lic/interfaces';
import type { PeerEndpoint } from '../peers/triad-peers.ts';
import type { ServerOptions } from '../server-options.ts';

/**
 * A license that the vendor's key signed, or several of one triad, one behind the other in `text`. It binds this server to no other host, and
 * may not name it at all: see {@link LicenseDesk.verify}.
 */
export interface VerifiedLicense extends VerifiedLicenses {
  readonly text: string;
}

/** What the license file on disk is, compared to the log. */
export interface LicenseFile {
  /** Null: there is none, or it is no license of this vendor for this server. */
  readonly hash: string | null;
  /** Why it can't be used, if so. */
  readonly trouble: string | null;
  readonly isMissing: boolean;
}

/**
 * The licenses of this server: verifies them, remembering the last ones (each is looked at when it is proposed, and again
 * in `prepare`), and keeps the file on disk in step with the log. A file that the log has never had is the
 * administrator's: it is left alone and told of (triad.md, Server states).
 */
export class LicenseDesk {
  readonly #options: ServerOptions;
  readonly #logger: Logger;
  readonly #verified = new Map<string, VerifiedLicense>();
  /** Hashes of licenses that the log is known to have had: those of the file may be replaced. */
  readonly #logged = new Set<string>();
  #file: LicenseFile = { hash: null, trouble: null, isMissing: false };
  #fileReadMs = -Infinity;
  /** What the file is to say, while that is not so yet. */
  #wanted: Pick<VerifiedLicense, 'text' | 'hash'> | undefined;
  #isFollowing = false;
  #toldForeign: string | null = null;

  constructor(options: ServerOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** Reads and verifies the license file. Throws as {@link LicenseDesk.verify}, or what reading throws. */
  async read(): Promise<VerifiedLicense> {
    try {
      const verified = await this.verify(await this.#options.readLicense());
      this.#file = { hash: verified.hash, trouble: null, isMissing: false };
      return verified;
    } catch (error) {
      this.#file = { hash: null, trouble: errorMessage(error), isMissing: errorCode(error) === 'ENOENT' };
      throw error;
    } finally {
      this.#fileReadMs = this.#options.runtime.monotonic();
    }
  }

  /** The file as it was read last, at most a few seconds ago. Never throws. */
  async file(): Promise<LicenseFile> {
    if (this.#options.runtime.monotonic() - this.#fileReadMs > fileAgeMsMax) await this.#look();
    return this.#file;
  }

  /** The log has, or had, the license of this hash. */
  logged(hash: string): void {
    this.#logged.add(hash);
  }

  /** The license in force has changed: the file follows it where it is one of the log's, and the server may write it. */
  async follow(text: string, hash: string): Promise<void> {
    this.logged(hash);
    this.#wanted = { text, hash };
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    // One at a time, always the newest: two writes at once could end with the older one.
    while (this.#wanted !== undefined) {
      const next = this.#wanted;
      this.#wanted = undefined;
      await this.#followTo(next);
    }
    this.#isFollowing = false;
  }

  async #followTo({ text, hash }: Pick<VerifiedLicense, 'text' | 'hash'>): Promise<void> {
    await this.#look();
    const { hash: fileHash, isMissing } = this.#file;
    // A newer one came meanwhile: only that one counts.
    if (fileHash === hash || this.#wanted !== undefined) return;
    if (!isMissing && (fileHash === null || !this.#logged.has(fileHash))) {
      if (this.#toldForeign === fileHash) return;
      this.#toldForeign = fileHash;
      this.#logger.warn('the license file is not one that was loaded: it is left alone, and changes nothing', {
        fileHash,
        inForce: hash,
      });
      return;
    }
    if (this.#options.writeLicense === undefined) return;
    try {
      await this.#options.writeLicense(text);
      this.#file = { hash, trouble: null, isMissing: false };
      this.#logger.info('the license file was brought to the license in force', { licenseHash: hash });
    } catch (error) {
      this.#logger.warn('the license file could not be written; the log has the license in force all the same', {
        reason: errorMessage(error),
      });
    }
  }

  async #look(): Promise<void> {
    try {
      await this.read();
    } catch {
      // What is wrong with it stands in the status.
    }
  }

  /**
   * Throws `LICENSE_INVALID`, `LICENSE_SIGNATURE`, `LICENSE_SET` or `HOST_ID_MISMATCH`. One that does not name this server is no reason to
   * refuse it: a server that is being replaced goes on applying and voting until it is out (triad.md, Members).
   */
  async verify(text: string): Promise<VerifiedLicense> {
    const known = this.#verified.get(text);
    if (known !== undefined) return known;
    const found = await verifyLicenses(text, this.#options.vendorKey);
    try {
      this.checkNamed(found.license);
    } catch (error) {
      if (!isLicError(error, 'NOT_IN_LICENSE')) throw error;
    }
    const verified = { text, ...found };
    if (this.#verified.size >= verifiedMax) this.#verified.clear();
    this.#verified.set(text, verified);
    return verified;
  }

  /** Throws `NOT_IN_LICENSE` where the license does not name this server, `HOST_ID_MISMATCH` where it binds another host. */
  checkNamed(license: License): void {
    checkServerIdentity(license, this.#options.identity);
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
/** How old a look at the license file may be when somebody asks for it, ms. */
const fileAgeMsMax = 5_000;
