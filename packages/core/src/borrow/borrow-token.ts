import { LicError, type SignatureScheme } from '@lic/interfaces';
import * as z from 'zod';
import { decodeBase64url, encodeBase64url } from '../crypto/base64.ts';
import { schemeFor } from '../crypto/signature.ts';
import { canonicalize } from '../license/canonicalize.ts';
import { licenseLimits } from '../license/license.ts';
import { combineLicenses } from '../license/license-set.ts';
import { parseJson } from '../license/parse-json.ts';
import { verifyLicense } from '../license/sign-license.ts';

/** License files that a token may carry. */
const licensesMax = 32;
const nameCharsMax = 128;
const name = z.string().min(1).max(nameCharsMax);

/**
 * Borrowed seats on paper: all that a client needs to know that they are its own, without reaching any server. Signed with the
 * identity key of the server that was in control, which a license of the vendor names.
 */
const borrowTokenSchema = z.strictObject({
  licBorrow: z.literal(1),
  /** The client's own id: whoever has the token may return the borrow. */
  borrow: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  feature: name,
  version: name,
  count: z.int().min(1).max(licenseLimits.countMax),
  user: name,
  /** The client's host: the token is worth nothing on another one. */
  host: name,
  /** License time, UTC milliseconds. */
  sinceMs: z.int().min(0),
  untilMs: z.int().min(0),
  vendorData: z.string().max(licenseLimits.vendorDataCharsMax).optional(),
  /** The triad instance that lent the seats. */
  instance: name,
  /** The license files in force when they were lent. */
  licenses: z.array(z.string().max(licenseLimits.textBytesMax)).min(1).max(licensesMax),
  /** The signing server's identity key. */
  server: z.string().max(nameCharsMax),
  /** base64url; over the canonical form (RFC 8785) of everything else. */
  signature: z.string().max(nameCharsMax),
});

/** A borrow token's content. */
export type BorrowToken = z.infer<typeof borrowTokenSchema>;
/** What a server puts into one. */
export type BorrowTokenFields = Omit<BorrowToken, 'licBorrow' | 'signature'>;

const bytesOf = (token: Omit<BorrowToken, 'signature'>) => new TextEncoder().encode(canonicalize(token));

/** Signs a borrow with the private part of `fields.server`. Gives the token's text. Throws `KEY_INVALID`. */
export const signBorrowToken = async (
  fields: BorrowTokenFields,
  privateKeyPem: string,
  scheme: SignatureScheme = schemeFor('Ed25519'),
): Promise<string> => {
  const unsigned = { licBorrow: 1 as const, ...fields };
  const signature = encodeBase64url(await scheme.sign(privateKeyPem, bytesOf(unsigned)));
  return JSON.stringify({ ...unsigned, signature });
};

/**
 * Checks a token from the vendor's key alone: the licenses in it are the vendor's, they name the server, the server has signed the
 * token, the token is of this host. Whether it is over is for whoever knows the time.
 *
 * @param vendorPublicKey From the product, never from the token.
 * @param host Absent: any, for a server that is shown the token.
 * @throws `BORROW_INVALID` naming what is wrong; `BORROW_SIGNATURE`; `BORROW_OTHER_HOST`; what `verifyLicense` and `combineLicenses` throw.
 */
export const verifyBorrowToken = async (
  text: string,
  { vendorPublicKey, host }: { readonly vendorPublicKey: string; readonly host?: string },
): Promise<BorrowToken> => {
  const token = read(text);
  const licenses = [];
  for (const license of token.licenses) licenses.push(await verifyLicense(license, vendorPublicKey));
  const { id, servers } = combineLicenses(licenses);
  if (!servers.some(({ key }) => key === token.server))
    throw refusal('BORROW_SIGNATURE', `license ${id} does not name the server ${token.server} that has signed it`);
  const { signature, ...signed } = token;
  const bytes = decodeBase64url(signature);
  if (bytes === null || !(await schemeFor('Ed25519').verify(token.server, bytesOf(signed), bytes)))
    throw refusal('BORROW_SIGNATURE', 'it was changed after the server had signed it');
  if (host !== undefined && token.host !== host)
    throw refusal('BORROW_OTHER_HOST', `it was borrowed for host ${token.host}, and this is ${host}`);
  return token;
};

/** Reads a token without believing it. Throws `BORROW_INVALID`. */
const read = (text: string): BorrowToken => {
  const limits = { ...licenseLimits, textBytesMax: licensesMax * licenseLimits.textBytesMax };
  let value: unknown;
  try {
    value = parseJson(text, limits);
  } catch (cause) {
    throw refusal('BORROW_INVALID', 'its text is no JSON', cause);
  }
  const parsed = borrowTokenSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refusal('BORROW_INVALID', `at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'something else'}`);
};

function refusal(code: string, what: string, cause?: unknown): LicError {
  const message = `The borrow token is of no use: ${what}. Borrow again while a server can be reached.`;
  return new LicError(code, message, { cause });
}

/** What a client knows of time, in milliseconds. */
export interface BorrowClock {
  /** The wall clock, UTC. */
  readonly wallMs: number;
  /** The latest time that the token was ever seen at (a high-water mark kept with it); before the first use the token's `sinceMs`. */
  readonly markMs: number;
  /** Monotonic time since the mark was read. */
  readonly elapsedMs: number;
}

/**
 * The time that a borrow counts by (triad.md, Borrow): the wall clock, or the mark and what has elapsed since, whichever is later; so
 * setting the clock back ends nothing later. The next mark, too.
 */
export const borrowTimeMs = ({ wallMs, markMs, elapsedMs }: BorrowClock): number =>
  Math.max(wallMs, markMs + Math.max(0, elapsedMs));
