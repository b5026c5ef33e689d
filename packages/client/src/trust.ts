import { ed25519Scheme, schemeFor, verifyLicenses } from '@lic/core';
import { errorMessage } from '@lic/interfaces';
import { type WelcomeMessage, welcomeText } from '@lic/protocol';
import { ClientError } from './errors.ts';

/** Licenses that are remembered as verified; the oldest is forgotten. A reload is rare. */
const licensesMax = 8;

/** Decides whether a server is one of the licensee's (architecture.md, Trust). */
export interface Trust {
  /** The hash of the newest license that was verified here: its text need not be sent again. */
  readonly licenseHash: string | undefined;
  /** Throws `SERVER_NOT_TRUSTED` where the welcome doesn't prove that a license of the vendor names this server. `raw`: as received. */
  check(welcome: WelcomeMessage, raw: object, nonce: string): Promise<void>;
}

/** Trusts servers whose identity key stands in a license that `vendorKey` signed, and who signed this connection's nonce with it. */
export function vendorTrust(vendorKey: string): Trust {
  /** License hash → identity keys of its servers. */
  const verified = new Map<string, ReadonlySet<string>>();
  let newestHash: string | undefined;

  const keysOf = async (welcome: WelcomeMessage): Promise<ReadonlySet<string>> => {
    const known = welcome.licenseHash === null ? undefined : verified.get(welcome.licenseHash);
    if (known !== undefined) return known;
    if (welcome.license === undefined) throw distrust(welcome, 'it showed no license');
    const { license, hash } = await verifyLicenses(welcome.license, vendorKey, schemeFor(vendorKey)).catch(
      (cause: unknown) => {
        throw distrust(welcome, `its license is not valid for this vendor: ${errorMessage(cause)}`, cause);
      },
    );
    if (hash !== welcome.licenseHash) throw distrust(welcome, 'its license is not the one that it names');
    const keys = new Set(license.servers.map(({ key }) => key));
    verified.set(hash, keys);
    if (verified.size > licensesMax) verified.delete(verified.keys().next().value as string);
    newestHash = hash;
    return keys;
  };

  return {
    get licenseHash() {
      return newestHash;
    },
    async check(welcome, raw, nonce) {
      await checkSignature(welcome, raw, nonce);
      const keys = await keysOf(welcome);
      if (!keys.has(welcome.server.key)) throw distrust(welcome, 'its license does not name its identity key');
    },
  };
}

/** Takes any server that holds the key which it names: nothing is known of who stands behind it. */
export function blindTrust(): Trust {
  return { licenseHash: undefined, check: checkSignature };
}

async function checkSignature(welcome: WelcomeMessage, raw: object, nonce: string): Promise<void> {
  if (welcome.nonce !== nonce) throw distrust(welcome, 'it answered with the nonce of another connection');
  const message = new TextEncoder().encode(welcomeText(raw));
  const signature = fromBase64url(welcome.signature);
  if (!(await ed25519Scheme.verify(welcome.server.key, message, signature))) {
    throw distrust(welcome, 'its signature is not that of the identity key which it names');
  }
}

function distrust(welcome: WelcomeMessage, why: string, cause?: unknown): ClientError {
  return new ClientError(
    'SERVER_NOT_TRUSTED',
    `The server "${welcome.server.name}" is not trusted: ${why}. Check that the address leads to your own license server, and that its license is from this product's vendor.`,
    { server: welcome.server.name, key: welcome.server.key },
    cause,
  );
}

function fromBase64url(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}
