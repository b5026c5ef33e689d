import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@lic/interfaces';
import { type FileSystem, removeIfThere } from './file-system.ts';
import { storeInUse } from './store-errors.ts';

/** Who this process is, so that a lock it leaves behind can be told from a living one. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own units: a process id is used again. `0` where the system doesn't say. */
  readonly startedAt: string;
  /** Differs after each start of the machine. `0` where the system doesn't say. */
  readonly bootId: string;
  /** Whether such a process lives now. */
  isAlive(other: Omit<ProcessIdentity, 'isAlive'>): Promise<boolean>;
}

const namePattern = /^lock\.([\w-]+)\.(\d+)\.(\d+)\.(\d+)$/;
/** Tells the stores of one process apart. */
let locksMade = 0;
/** The locks of this process that are not released: a file that could not be removed then holds nothing. */
const held = new Set<string>();

/**
 * Takes the folder for this process, or throws `STORE_IN_USE`. Whoever takes it first makes a file of a name that no other makes, and
 * only then looks at those of others: of two that come at once at least one sees the other. The files of the dead are
 * removed, so SIGKILL and a power cut leave nothing in the way. Processes on other machines, or in other containers, are not seen.
 */
export async function lockFolder(
  fileSystem: FileSystem,
  directory: string,
  self: ProcessIdentity,
): Promise<() => Promise<void>> {
  locksMade++;
  const own = `lock.${self.bootId}.${self.pid}.${self.startedAt}.${locksMade}`;
  const path = join(directory, own);
  await (await fileSystem.open(path, 'create')).close();
  held.add(own);
  const release = (): Promise<void> => {
    held.delete(own);
    return removeIfThere(fileSystem, path);
  };
  try {
    for (const name of await fileSystem.list(directory)) {
      const match = namePattern.exec(name);
      if (match === null || name === own) continue;
      const other = { bootId: match[1] as string, pid: Number(match[2]), startedAt: match[3] as string };
      const isOwn = other.pid === self.pid && other.startedAt === self.startedAt && other.bootId === self.bootId;
      if (isOwn ? held.has(name) : await self.isAlive(other)) throw storeInUse(directory, `the process ${other.pid}`);
      // Another process may remove the same leftover at the same time.
      await removeIfThere(fileSystem, join(directory, name));
    }
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

/** This process, as Linux's `/proc` tells of it; elsewhere by its process id alone. */
export async function currentProcess(): Promise<ProcessIdentity> {
  const bootId = (await readText('/proc/sys/kernel/random/boot_id'))?.trim() ?? '0';
  const startedAt = (await procStart(process.pid)) ?? '0';
  return {
    pid: process.pid,
    startedAt,
    bootId,
    async isAlive(other) {
      if (other.bootId !== bootId) return false;
      if (startedAt !== '0') return (await procStart(other.pid)) === other.startedAt;
      return signalReaches(other.pid);
    },
  };
}

/** When a living process started; undefined for one that is gone, or dead and not yet fetched by its parent. */
async function procStart(pid: number): Promise<string | undefined> {
  const stat = await readText(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything; state and the rest follow the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
