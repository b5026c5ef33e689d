import { ed25519Scheme, signLicense, type Terms } from '@lic/core';

/** A key pair that comes from a number, so that a run can be repeated. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKeyPem: string;
}

/** A server as its license names it. Its host has its name. */
export interface NamedServer {
  readonly name: string;
  /** 1 is the primary. */
  readonly rank: number;
  readonly address: string;
  readonly identity: KeyPair;
}

/** A feature as a license's terms have it. */
export type Feature = Terms['features'][number];

/** Of what is not counted nobody here asks for more at once. */
const uncountedSeats = 4;

/** Seats that a feature has, without its overdraft, as far as somebody may ask for them. */
export function countedSeats({ count }: Feature): number {
  return count === 'uncounted' ? uncountedSeats : count;
}

/** What a cluster is licensed for unless it is told otherwise. */
export const defaultFeatures: readonly Feature[] = [{ name: 'compare', version: '12.0', count: 3, leaseSeconds: 10 }];

const names = ['primary', 'secondary-1', 'secondary-2'];

/** One Ed25519 key pair for each number. */
export const keyPair = (fill: number): Promise<KeyPair> => ed25519Scheme.generate(new Uint8Array(32).fill(fill));

/** Who signs the licenses of all clusters. */
export const vendor: KeyPair = await keyPair(1);

/** One server or three with their identities, in order of rank. */
export async function nameServers(count: 1 | 3): Promise<readonly NamedServer[]> {
  const identities = await Promise.all(names.slice(0, count).map((_, at) => keyPair(at + 2)));
  return identities.map((identity, at) => {
    const name = names[at] as string;
    return { name, rank: at + 1, address: `mem://${name}:7411`, identity };
  });
}

/** What a license of these servers may say otherwise. */
export interface LicenseChanges {
  readonly id?: string;
  readonly features?: readonly Feature[];
  /** By rank: host ids that the license binds servers to. */
  readonly hostIds?: Readonly<Record<number, string>>;
  /** By rank: other keys than the servers have. */
  readonly keys?: Readonly<Record<number, string>>;
}

/** A license's text, signed by the {@link vendor}. */
export function signFor(servers: readonly NamedServer[], changes: LicenseChanges = {}): Promise<string> {
  const { id = 'license-1', features = defaultFeatures, hostIds = {}, keys = {} } = changes;
  return signLicense({
    terms: {
      vendor: 'acme',
      licensee: 'Example GmbH',
      servers: servers.map(({ rank, name, address, identity }) => {
        const server = { rank, name, address, key: keys[rank] ?? identity.publicKey };
        const hostId = hostIds[rank];
        return hostId === undefined ? server : { ...server, hostId };
      }),
      features: [...features],
    },
    privateKeyPem: vendor.privateKeyPem,
    id,
    issuedAt: '2026-01-01T00:00:00Z',
  });
}
