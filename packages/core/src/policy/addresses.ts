/** Addresses of one length of prefix, as a number: IPv4 stands in the IPv6 space at ::ffff:0:0/96. */
export interface AddressRange {
  /** Bits, 0 to 128. */
  readonly length: number;
  /** The address without the bits that the range leaves open. */
  readonly prefix: bigint;
}

const v4Prefix = 0xffffn << 32n;

/** Reads `10.1.2.3` or `2001:db8::1`; a scope (`%eth0`) is passed over. Undefined where it is neither. */
export function readAddress(text: string): bigint | undefined {
  const [address = ''] = text.split('%');
  if (!address.includes(':')) {
    const v4 = readV4(address);
    return v4 === undefined ? undefined : v4Prefix | v4;
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

function readV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function readGroups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const parts = text.split(':');
  for (const [at, part] of parts.entries()) {
    if (part.includes('.') && at === parts.length - 1) {
      const v4 = readV4(part);
      if (v4 === undefined) return undefined;
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}
