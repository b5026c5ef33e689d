/** Addresses of one length of prefix, as a number: IPv4 stands in the IPv6 space at ::ffff:0:0/96. */
export interface AddressRange {
  /** Bits, 0 to 128. */
  readonly length: number;
  /** The address without the bits that the range leaves open. */
  readonly prefix: bigint;
}

const v4Prefix = 0xffffn << 32n;
const dot = 46;
const zero = 48;

/** Reads `10.1.2.3` or `2001:db8::1`; a scope (`%eth0`) is passed over. Undefined where it is neither. */
export function readAddress(text: string): bigint | undefined {
  const [address = ''] = text.split('%');
  if (!address.includes(':')) {
    const v4 = readV4(address);
    return v4 === undefined ? undefined : v4Prefix | BigInt(v4);
  }
  const [head = '', tail, ...rest] = address.split('::');
  if (rest.length > 0) return undefined;
  const first = readGroups(head);
  const last = tail === undefined ? [] : readGroups(tail);
  if (first === undefined || last === undefined) return undefined;
  const missing = 8 - first.length - last.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...first, ...Array.from({ length: missing }, () => 0n), ...last];
  return groups.reduce((sum, group) => (sum << 16n) | group, 0n);
}

/** Reads `10.1.0.0/16`, `2001:db8::/32` or one address. Undefined where it is none, or where bits are set that the range leaves open. */
export function readRange(text: string): AddressRange | undefined {
  const [base = '', bits, ...rest] = text.split('/');
  const address = readAddress(base);
  if (address === undefined || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
  const shift = base.includes(':') ? 0 : 96;
  const length = bits === undefined ? 128 : Number(bits) + shift;
  if (length > 128) return undefined;
  const prefix = address >> BigInt(128 - length);
  return prefix << BigInt(128 - length) === address ? { length, prefix } : undefined;
}

/** The prefix of an address at this length: two addresses with the same one are in the same range. */
export function prefixOf(address: bigint, length: number): bigint {
  return address >> BigInt(128 - length);
}

/** Reads `10.1.2.3` as a number of 32 bits. A scope is not passed over: IPv4 has none. */
export function readV4(text: string): number | undefined {
  let address = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === dot) {
      if (digits === 0 || dots === 3) return undefined;
      address = address * 256 + part;
      dots++;
      part = 0;
      digits = 0;
      continue;
    }
    const digit = code - zero;
    // No zeros in front: some would read them as octal.
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + digit;
    digits++;
    if (part > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? address * 256 + part : undefined;
}

function readGroups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const parts = text.split(':');
  for (const [at, part] of parts.entries()) {
    if (part.includes('.') && at === parts.length - 1) {
      const v4 = readV4(part);
      if (v4 === undefined) return undefined;
      groups.push(BigInt(v4 >>> 16), BigInt(v4 & 0xffff));
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}
