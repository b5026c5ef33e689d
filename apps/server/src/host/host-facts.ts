import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { type HostFacts, hostIdOf } from '@lic/core';

const readText = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);

/** What can be found out about this machine without tools (Linux: machine id, product UUID; everywhere: network cards). */
async function gatherHostFacts(): Promise<HostFacts> {
  const [etc, dbus, productUuid] = await Promise.all(
    ['/etc/machine-id', '/var/lib/dbus/machine-id', '/sys/class/dmi/id/product_uuid'].map(readText),
  );
  const machineId = etc ?? dbus;
  const macs = Object.values(networkInterfaces()).flatMap((cards) => (cards ?? []).map(({ mac }) => mac));
  return {
    ...(machineId === undefined ? {} : { machineId }),
    ...(productUuid === undefined ? {} : { productUuid }),
    macs,
  };
}

/** This machine's host id, or nothing where it can't be told from others: then only licenses without host id fit it. */
export async function hostIdHere(): Promise<{ readonly hostId?: string }> {
  try {
    return { hostId: hostIdOf(await gatherHostFacts()) };
  } catch {
    return {};
  }
}
