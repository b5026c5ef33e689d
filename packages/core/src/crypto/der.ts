/** One element of DER (X.690): its tag and where its content lies. */
interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  /** The first byte behind it. */
  readonly end: number;
}

/**
 * Reads the element at `offset`, or null. Strict: definite lengths in their shortest form (at most 65 535 bytes), so that
 * a key has one encoding only.
 */
const readElement = (bytes: Uint8Array<ArrayBuffer>, offset: number): DerElement | null => {
  const tag = bytes[offset];
  let length = bytes[offset + 1];
  if (tag === undefined || length === undefined) return null;
  let from = offset + 2;
  if (length >= 0x80) {
    const lengthBytes = length - 0x80;
    if (lengthBytes < 1 || lengthBytes > 2) return null;
    length = 0;
    for (let i = 0; i < lengthBytes; i += 1) length = length * 256 + (bytes[from + i] ?? 0);
    if (length < (lengthBytes === 1 ? 0x80 : 0x100)) return null;
    from += lengthBytes;
  }
  const end = from + length;
  return end <= bytes.length ? { tag, content: bytes.subarray(from, end), end } : null;
};

/** The elements that make up `bytes` exactly, with these tags, or null. */
export const readElements = (
  bytes: Uint8Array<ArrayBuffer>,
  tags: readonly number[],
): readonly Uint8Array<ArrayBuffer>[] | null => {
  const contents: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const tag of tags) {
    const element = readElement(bytes, offset);
    if (element?.tag !== tag) return null;
    contents.push(element.content);
    offset = element.end;
  }
  return offset === bytes.length ? contents : null;
};

/** The DER of an element whose content is these parts, one behind the other. */
export const writeElement = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  let offset = header.length;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
};

export const derTag = { integer: 0x02, bitString: 0x03, octetString: 0x04, sequence: 0x30 } as const;
