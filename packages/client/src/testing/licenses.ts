/** A feature of a test license. */
export interface TestFeature {
  readonly name: string;
  readonly count: number | 'uncounted';
  readonly leaseSeconds?: number;
  readonly reclaim?: 'lease' | 'disconnect';
  readonly borrow?: { readonly longestSeconds: number; readonly countMax: number };
}

/** Three servers of which nobody has the private keys. */
export const fakeServers = ['primary', 'secondary', 'tertiary'].map((name, at) => ({
  name,
  key: `ed25519:${'ABC'[at]?.repeat(43)}`,
  address: `mem://${name}:1`,
}));

/** The text of a license whose signature is of the right form only. */
export function unsignedLicense(features: readonly TestFeature[]): string {
  return JSON.stringify({
    lic: 1,
    id: 'license-1',
    vendor: 'acme',
    licensee: 'Test',
    issuedAt: '2026-01-01T00:00:00Z',
    servers: fakeServers.map(({ name, address }, at) => ({ rank: at + 1, name, address, key: realKeys[at] })),
    features: features.map((feature) => ({ version: '12.0', ...feature })),
    signature: { alg: 'Ed25519', keyId: '0123456789abcdef', value: 'A'.repeat(86) },
  });
}

/** Points on the curve, as the license schema wants them. */
const realKeys = [
  'ed25519:9jjZsEmTHyasQpn93so6J7Tr3ZKTr3CVjn8MxfzBLMQ',
  'ed25519:zhP3ce4qcDpu4UR5tpDUvfd8IV_6bM54RUf4KlQLtSQ',
  'ed25519:qR_cmkSxXVNIifvarH3DEpbHiGCfyM6AGNc1-lhRYZk',
];
