import { LicError } from '@lic/interfaces';
import { decodeBase64, encodeBase64 } from './base64.ts';

/** A PEM block (RFC 7468) of `der`, with a line break at its end. */
export const encodePem = (label: string, der: Uint8Array): string => {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
};

/**
 * The DER inside the only PEM block of `pem`. Text around the block and any white space in it are allowed.
 *
 * @param label What the block must be: `PRIVATE KEY` (PKCS#8) or `PUBLIC KEY` (SPKI).
 * @throws `KEY_INVALID` naming what was found instead. The text itself is never in the message: it may be a private key.
 */
export const decodePem = (label: 'PRIVATE KEY' | 'PUBLIC KEY', pem: string): Uint8Array<ArrayBuffer> => {
  const fail = (got: string): never => {
    throw new LicError('KEY_INVALID', `The key is not a PEM block "BEGIN ${label}": got ${got}.`, {
      details: { expected: label, got },
    });
  };
  if (typeof pem !== 'string') return fail(`a value of type ${typeof pem}`);
  const begin = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(pem);
  if (begin === null) return fail('text without a PEM block');
  if (begin[1] !== label) return fail(`"BEGIN ${begin[1]}"${remedies[begin[1] ?? ''] ?? ''}`);
  const from = begin.index + begin[0].length;
  const to = pem.indexOf(`-----END ${label}-----`, from);
  if (to < 0) return fail('a block without its end');
  if (pem.indexOf('-----BEGIN ', to) >= 0) return fail('more than one block');
  return decodeBase64(pem.slice(from, to).replace(/\s+/g, '')) ?? fail('a block that is not base64');
};

const remedies: Record<string, string> = {
  'ENCRYPTED PRIVATE KEY': ' (decrypt it first: openssl pkcs8 -in KEY -out PLAIN)',
  'RSA PRIVATE KEY': ' (convert it first: openssl pkcs8 -topk8 -nocrypt -in KEY -out PKCS8)',
  'RSA PUBLIC KEY': ' (convert it first: openssl rsa -RSAPublicKey_in -in KEY -pubout -out SPKI)',
  CERTIFICATE: ' (take its key: openssl x509 -in CERTIFICATE -pubkey -noout)',
};
