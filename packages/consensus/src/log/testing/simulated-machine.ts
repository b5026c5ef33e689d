import type { LogStore } from '@lic/interfaces';
import { fileLogStore } from '../file-log-store.ts';
import { SimulatedDisk } from './simulated-disk.ts';

/** A simulated disk with the processes that use it one after the other. */
export class SimulatedMachine {
  readonly disk = new SimulatedDisk();
  readonly #segmentBytes: number;
  #pid = 1;

  constructor(segmentBytes = 16_384) {
    this.#segmentBytes = segmentBytes;
  }

  /** A store as the process makes it that lives now. */
  makeStore(): LogStore {
    return fileLogStore({
      directory: '/store',
      segmentBytes: this.#segmentBytes,
      fileSystem: this.disk.fileSystem(),
      process: {
        pid: this.#pid,
        startedAt: '1',
        bootId: 'boot',
        isAlive: (other) => Promise.resolve(other.pid === this.#pid),
      },
    });
  }

  /** SIGKILL: what was written is in the page cache. */
  kill(): void {
    this.disk.kill();
    this.#pid++;
  }

  /** `keeps` decides for each unsynced sector. */
  cutPower(keeps: () => boolean = () => false): void {
    this.disk.cutPower(keeps);
    this.#pid++;
  }
}
