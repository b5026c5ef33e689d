import type { SignatureScheme } from '@lic/interfaces';
import { type HelloMessage, negotiate, type WelcomeMessage, welcomeText } from '@lic/protocol';

/** What a welcome says of the server at this moment. */
export interface WelcomeParts {
  readonly hello: HelloMessage;
  readonly scheme: SignatureScheme;
  readonly privateKeyPem: string;
  readonly license: string | null;
  readonly licenseHash: string | null;
  readonly fields: Pick<
    WelcomeMessage,
    'server' | 'instance' | 'bootId' | 'state' | 'term' | 'control' | 'servers' | 'settings'
  >;
}

const encoder = new TextEncoder();

/**
 * Answers a hello: the client's nonce signed by this server's identity key (architecture.md, Trust). The license's text
 * is left out where the client has verified it before. Throws `PROTOCOL_UNSUPPORTED`.
 */
export async function makeWelcome(parts: WelcomeParts): Promise<WelcomeMessage> {
  const { hello, license, licenseHash, fields } = parts;
  const isKnown = licenseHash !== null && hello.licenseHash === licenseHash;
  const welcome: Omit<WelcomeMessage, 'signature'> = {
    t: 'welcome',
    protocol: negotiate(hello.protocol),
    nonce: hello.nonce,
    ...fields,
    licenseHash,
    ...(isKnown || license === null ? {} : { license }),
  };
  const signature = await parts.scheme.sign(parts.privateKeyPem, encoder.encode(welcomeText(welcome)));
  return {
    ...welcome,
    signature: btoa(String.fromCharCode(...signature))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', ''),
  };
}
