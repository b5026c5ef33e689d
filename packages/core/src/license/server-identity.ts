import { LicError } from '@lic/interfaces';
import type { License, LicenseServer } from './license.ts';

/** What a server says of itself. */
export interface ServerIdentity {
  /** The public part of its identity key, as text. */
  readonly publicKey: string;
  /** Its host id; needed where the license binds one. */
  readonly hostId?: string | undefined;
}

/**
 * The entry of a license that a server is: by its identity key and, where the license binds it, by its host id.
 *
 * @throws `NOT_IN_LICENSE` where no entry has the key; `HOST_ID_MISMATCH` where the entry binds another host id. The
 * message and the details name what the license has and what the server has.
 */
export const checkServerIdentity = (license: License, { publicKey, hostId }: ServerIdentity): LicenseServer => {
  const server = license.servers.find(({ key }) => key === publicKey);
  if (server === undefined) {
    const named = license.servers.map(({ name, key }) => `${name} ${key}`);
    throw new LicError(
      'NOT_IN_LICENSE',
      `This server is not in license ${license.id}: its identity key is ${publicKey}, expected one of ${named.join(', ')}. ` +
        'Use the identity that the license was made for, or ask the vendor for a license with this key.',
      { details: { publicKey, keys: license.servers.map(({ key }) => key) } },
    );
  }
  if (server.hostId !== undefined && server.hostId !== hostId) {
    throw new LicError(
      'HOST_ID_MISMATCH',
      `License ${license.id} binds server ${server.name} to host ${server.hostId}, but this is host ${hostId ?? 'unknown'}. ` +
        'Run it there, or ask the vendor for a license for this host.',
      { details: { server: server.name, licensed: server.hostId, hostId: hostId ?? null } },
    );
  }
  return server;
};
