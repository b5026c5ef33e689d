import { describe, expect, it } from 'vitest';
import { currentProcess, lockFolder, type ProcessIdentity } from './folder-lock.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const identity = (over: Partial<ProcessIdentity>, alive: (other: { pid: number }) => boolean): ProcessIdentity => ({
  pid: 1,
  startedAt: '10',
  bootId: 'boot-1',
  isAlive: (other) => Promise.resolve(alive(other)),
  ...over,
});

describe('folder lock', () => {
  it('is taken over from the dead, whose file is removed, and is free again once released', async () => {
    const fileSystem = new SimulatedDisk().fileSystem();
    await lockFolder(
      fileSystem,
      '/store',
      identity({ pid: 7 }, () => true),
    );
    await expect(
      lockFolder(
        fileSystem,
        '/store',
        identity({ pid: 8 }, () => true),
      ),
    ).rejects.toMatchObject({
      code: 'STORE_IN_USE',
      message: expect.stringContaining('process 7'),
    });
    const release = await lockFolder(
      fileSystem,
      '/store',
      identity({ pid: 9 }, () => false),
    );
    expect(await fileSystem.list('/store')).toEqual([expect.stringMatching(/^lock\.boot-1\.9\.10\.\d+$/)]);
    await release();
    await release();
    expect(await fileSystem.list('/store')).toEqual([]);
  });

  it('is taken again by the process that released it while its disk took no writes, and by that alone', async () => {
    const disk = new SimulatedDisk();
    const fileSystem = disk.fileSystem();
    const self = identity({ pid: 7 }, () => true);
    const release = await lockFolder(fileSystem, '/store', self);
    await expect(lockFolder(fileSystem, '/store', self)).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    const readOnly = {
      ...fileSystem,
      remove: () => Promise.reject(Object.assign(new Error('EROFS'), { code: 'EROFS' })),
    };
    const other = await lockFolder(readOnly, '/other', self);
    await expect(other()).rejects.toThrow('EROFS');
    await release();
    await lockFolder(fileSystem, '/store', self);
    // What is left of the released one is in nobody's way, but for another process it is a living one's.
    await expect(
      lockFolder(
        fileSystem,
        '/other',
        identity({ pid: 8 }, () => true),
      ),
    ).rejects.toMatchObject({
      code: 'STORE_IN_USE',
    });
    await lockFolder(fileSystem, '/other', self);
    expect(await fileSystem.list('/other')).toHaveLength(1);
  });

  it('knows this process, another start of its id, another boot, and one that never was', async () => {
    const self = await currentProcess();
    expect(await self.isAlive(self)).toBe(true);
    expect(await self.isAlive({ ...self, startedAt: '1' })).toBe(false);
    expect(await self.isAlive({ ...self, bootId: 'another' })).toBe(false);
    expect(await self.isAlive({ ...self, pid: 4_194_303 })).toBe(false);
  });
});
