import { LicError } from '@lic/interfaces';
import { sha256Hex } from '#crypto';

/** What an application found out about the machine it runs on. What it can't read it leaves out. */
export interface HostFacts {
  /** `/etc/machine-id`, `IOPlatformUUID` or `MachineGuid`: made with the operating system's installation. */
  readonly machineId?: string;
  /** The firmware's product UUID; on Linux only root can read it. */
  readonly productUuid?: string;
  /** Hardware addresses of the network interfaces. */
  readonly macs?: readonly string[];
}

/** Hexadecimal digits of the hash in a host id: 128 bits. */
const hashChars = 32;

/** Values that many machines share: nothing filled in, or the sample of a firmware vendor's kit. */
const placeholder = /^(0*|f+|uninitialized|03000200040005000006000700080009)$/;

const normalized = (id: string | undefined): string | null => {
  const bare = (id ?? '').trim().toLowerCase().replace(/[-{}]/g, '');
  return placeholder.test(bare) ? null : bare;
};

/** Addresses that a manufacturer gave: those set by software (bit 2 of the first byte) change with every container. */
const burntIn = (macs: readonly string[]): readonly string[] => {
  const bare = macs.map((mac) => mac.trim().toLowerCase().replace(/[:.-]/g, ''));
  const good = bare.filter(
    (mac) => /^[0-9a-f]{12}$/.test(mac) && !/^0+$/.test(mac) && (Number.parseInt(mac.slice(0, 2), 16) & 3) === 0,
  );
  return [...new Set(good)].sort();
};

/**
 * The host id of a machine, which a license may bind a server to. It is a hash, so it tells nobody the facts themselves.
 *
 * The first of these that is known binds, alone: the machine id, the product UUID, all burnt-in hardware addresses. So with
 * a machine id network cards may be added, changed or removed at will; a new installation is a new host. Only where there
 * is neither id nor UUID do cards bind, and then every one of them.
 *
 * @returns `machine:`, `product:` or `mac:`, and 32 hexadecimal digits.
 * @throws `HOST_ID_UNKNOWN` where nothing is known that tells this machine from others.
 */
export const hostIdOf = ({ machineId, productUuid, macs = [] }: HostFacts): string => {
  const hash = (kind: string, fact: string): string =>
    `${kind}:${sha256Hex(`lic-host-id ${kind} ${fact}`).slice(0, hashChars)}`;
  const machine = normalized(machineId);
  if (machine !== null) return hash('machine', machine);
  const product = normalized(productUuid);
  if (product !== null) return hash('product', product);
  const cards = burntIn(macs);
  if (cards.length > 0) return hash('mac', cards.join(' '));
  throw new LicError(
    'HOST_ID_UNKNOWN',
    'This machine has no host id: expected a machine id, a product UUID or a network card with a burnt-in address, got ' +
      'none. Give it a machine id (systemd-machine-id-setup), or ask for a license without host id.',
  );
};
