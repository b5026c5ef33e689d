import { LicError } from '@lic/interfaces';
import type { PeerEndpoint } from '../peers/peer-endpoint.ts';

/** The server that an administrator means, by name, rank or key; nothing means the primary only where there is one server. */
export function findEndpoint(endpoints: readonly PeerEndpoint[], wanted: string | undefined): PeerEndpoint {
  const found =
    wanted === undefined && endpoints.length === 1
      ? endpoints[0]
      : endpoints.find(({ id, name, rank }) => wanted === name || wanted === String(rank) || wanted === id);
  if (found !== undefined) return found;
  const names = endpoints.map(({ name, rank }) => `${name} (${rank})`).join(', ');
  throw new LicError(
    'ADMIN_FAILED',
    wanted === undefined
      ? `Say which server: ${names}.`
      : `No server is called ${JSON.stringify(wanted)}. There are: ${names}.`,
    { details: { reason: 'UNKNOWN_SERVER' } },
  );
}
