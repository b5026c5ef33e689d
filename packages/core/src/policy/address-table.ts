import { type AddressRange, prefixOf, readAddress, readV4 } from './addresses.ts';

const v4Bits = 32;
/** IPv4 stands in the IPv6 space behind so many bits. */
const v4Shift = 96;
const v4Space = 0xffffn;

/**
 * Something for each range of addresses, found by one look at a hash table for each length of prefix that there is: however many
 * ranges, there are few of these. IPv4 addresses, the common ones, are looked up as small numbers.
 */
export class AddressTable<Value> {
  readonly #v4 = new Map<number, Map<number, Value>>();
  readonly #v6 = new Map<number, Map<bigint, Value>>();
  /** Of ranges of IPv6 that all of IPv4 is in. */
  readonly #overV4 = new Set<Value>();

  /** The value of this range; a new one where there is none. */
  at({ length, prefix }: AddressRange, create: () => Value): Value {
    if (length >= v4Shift && prefix >> BigInt(length - v4Shift) === v4Space) {
      const bits = length - v4Shift;
      const mask = (1n << BigInt(bits)) - 1n;
      return valueAt(tableAt(this.#v4, bits), Number(prefix & mask), create);
    }
    const value = valueAt(tableAt(this.#v6, length), prefix, create);
    if (length < v4Shift && v4Space >> BigInt(v4Shift - length) === prefix) this.#overV4.add(value);
    return value;
  }

  /** Calls `see` with the value of each range that the address is in. False where the text is no address. */
  each(text: string, see: (value: Value) => void): boolean {
    const v4 = readV4(text);
    if (v4 !== undefined) {
      this.#eachV4(v4, see);
      return true;
    }
    const address = readAddress(text);
    if (address === undefined) return false;
    if (address >> BigInt(v4Bits) === v4Space) {
      this.#eachV4(Number(address & 0xffffffffn), see);
      return true;
    }
    for (const [length, table] of this.#v6) {
      const value = table.get(prefixOf(address, length));
      if (value !== undefined) see(value);
    }
    return true;
  }

  #eachV4(address: number, see: (value: Value) => void): void {
    for (const [bits, table] of this.#v4) {
      // A shift by 32 is one by 0.
      const value = table.get(bits === 0 ? 0 : address >>> (v4Bits - bits));
      if (value !== undefined) see(value);
    }
    for (const value of this.#overV4) see(value);
  }
}

function tableAt<Key, Value>(tables: Map<number, Map<Key, Value>>, length: number): Map<Key, Value> {
  return valueAt(tables, length, () => new Map<Key, Value>());
}

function valueAt<Key, Value>(table: Map<Key, Value>, key: Key, create: () => Value): Value {
  let value = table.get(key);
  if (value === undefined) {
    value = create();
    table.set(key, value);
  }
  return value;
}
