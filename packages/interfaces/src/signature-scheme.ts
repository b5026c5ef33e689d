/**
 * A signature algorithm. Promises, since Web Crypto has no other way; the implementation on node:crypto settles
 * without leaving the microtask queue, so a simulation stays repeatable.
 */
export interface SignatureScheme {
  /** `Ed25519` (RFC 8032) or `RSA-PSS` (RFC 8017; SHA-256, MGF1 with SHA-256, salt of 32 bytes). */
  readonly alg: 'Ed25519' | 'RSA-PSS';
  /**
   * Makes a key pair. Private key: PKCS#8 PEM; public key as text: `ed25519:<base64url of 32 bytes>` or `rsa:<base64url SPKI>`.
   * `seed`: the 32 bytes of an Ed25519 private key (simulations draw theirs from the run's seed); default: the platform's randomness.
   * RSA-PSS takes no seed (`KEY_INVALID`).
   */
  generate(seed?: Uint8Array): Promise<{ readonly privateKeyPem: string; readonly publicKey: string }>;
  /** The public key that belongs to a private one, as text. Throws `KEY_INVALID`. */
  publicKeyOf(privateKeyPem: string): Promise<string>;
  /** Signs `message`. Throws `KEY_INVALID` where the key is not a PKCS#8 PEM of this algorithm. */
  sign(privateKeyPem: string, message: Uint8Array): Promise<Uint8Array>;
  /** Whether `signature` is `publicKey`'s over `message`. `false`, never a throw, for a malformed key or signature. */
  verify(publicKey: string, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}
