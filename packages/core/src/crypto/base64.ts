const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const base64urlAlphabet = `${base64Alphabet.slice(0, 62)}-_`;

const encode = (bytes: Uint8Array, alphabet: string): string => {
  let text = '';
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    bitCount += 8;
    while (bitCount >= 6) {
      bitCount -= 6;
      text += alphabet[(bits >> bitCount) & 63];
    }
    bits &= (1 << bitCount) - 1;
  }
  return bitCount === 0 ? text : text + alphabet[(bits << (6 - bitCount)) & 63];
};

const decode = (text: string, alphabet: string): Uint8Array<ArrayBuffer> | null => {
  if (text.length % 4 === 1) return null;
  const bytes = new Uint8Array((text.length * 6) >> 3);
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) return null;
    bits = (bits << 6) | value;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[length++] = bits >> bitCount;
    }
    bits &= (1 << bitCount) - 1;
  }
  return bits === 0 ? bytes : null;
};

/** Base64url (RFC 4648, section 5) without padding. */
export const encodeBase64url = (bytes: Uint8Array): string => encode(bytes, base64urlAlphabet);

/**
 * The bytes of base64url without padding, or null. Strict: bits left over at the end must be 0, so that bytes have one
 * spelling only, and a signature that verifies can't be written in another way.
 */
export const decodeBase64url = (text: string): Uint8Array<ArrayBuffer> | null => decode(text, base64urlAlphabet);

/** Base64 (RFC 4648, section 4) with padding, as PEM has it. */
export const encodeBase64 = (bytes: Uint8Array): string => {
  const text = encode(bytes, base64Alphabet);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
};

/** The bytes of base64 with padding, or null. Strict as {@link decodeBase64url} is. */
export const decodeBase64 = (text: string): Uint8Array<ArrayBuffer> | null =>
  text.length % 4 === 0 ? decode(text.replace(/={1,2}$/, ''), base64Alphabet) : null;
