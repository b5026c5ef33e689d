import { LicError } from '@lic/interfaces';

/** An address taken apart. An IPv6 host stands without brackets. */
export interface Address {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

const pattern = /^([a-z]+):\/\/(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+)):(\d{1,5})$/i;

/**
 * Takes `scheme://host:port` apart; IPv6 hosts stand in brackets.
 * Throws `ADDRESS_INVALID` for anything else, and for a port below `portMin`.
 */
export function parseAddress(address: string, schemes: readonly string[], portMin: 0 | 1): Address {
  const [, scheme = '', ipv6, name, digits] = pattern.exec(address) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (!schemes.includes(scheme) || host === undefined || port > 65_535 || port < portMin)
    throw new LicError(
      'ADDRESS_INVALID',
      `"${address}" is no address of this transport: write ${schemes.map((one) => `${one}://host:port`).join(' or ')}, an IPv6 host in brackets`,
      { details: { address } },
    );
  return { scheme, host, port };
}

/** The text of an address as a socket sees it. An IPv4 address that was mapped into IPv6 is written as IPv4. */
export function formatAddress(scheme: string, host: string | undefined, port: number | undefined): string {
  const plain = host?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown';
  return `${scheme}://${plain.includes(':') ? `[${plain}]` : plain}:${port ?? 0}`;
}
