import { fileLogStore } from '@lic/consensus';
import type { LogStore } from '@lic/interfaces';
import type { DiskTiming, SimulatedDisk } from './simulated-disk.ts';

/** How a store lies on a {@link SimulatedDisk}. */
export interface SimulatedLogStoreOptions extends DiskTiming {
  /** Default 16 KiB: a run goes through many segments. */
  readonly segmentBytes?: number;
}

/** Segments of a simulated log. */
const segmentBytesDefault = 16 * 1_024;

/** The real log, as the process makes it that lives now, on a simulated disk. */
export function simulatedLogStore(disk: SimulatedDisk, options: SimulatedLogStoreOptions = {}): LogStore {
  const { runtime, segmentBytes = segmentBytesDefault, ...timing } = options;
  return fileLogStore({
    directory: '/store',
    segmentBytes,
    ...(runtime && { runtime }),
    fileSystem: disk.fileSystem({ ...(runtime && { runtime }), ...timing }),
    process: disk.process(),
  });
}
