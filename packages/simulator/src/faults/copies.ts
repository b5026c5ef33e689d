import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { SimulatedDisk } from '../disk/simulated-disk.ts';

/** On how many disks this very entry is, synced or behind a snapshot; one that a fault took away counts for its server. */
export function copiesOf(
  servers: readonly ClusterServer[],
  lostDisk: (server: ClusterServer) => SimulatedDisk | undefined,
  { index, command }: { readonly index: number; readonly command: Uint8Array },
): number {
  return servers.filter((server) => {
    const lost = lostDisk(server);
    return hasOnDisk(server.disk, index, command) || (lost !== undefined && hasOnDisk(lost, index, command));
  }).length;
}

function hasOnDisk(disk: SimulatedDisk, index: number, command: Uint8Array): boolean {
  const entry = disk.entryAt(index);
  return entry === undefined ? disk.snapshotIndex >= index : Buffer.compare(entry.data, command) === 0;
}
