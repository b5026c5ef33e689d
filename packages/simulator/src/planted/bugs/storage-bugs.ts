import type { PlantedBug } from '../planted-bug.ts';

const log = 'packages/consensus/src/log';

/** What a disk has, and what it is believed to have. */
export const storageBugs: readonly PlantedBug[] = [
  {
    name: 'damage-truncated',
    what: 'Damage in the middle of the log is cut off as if it were a torn tail.',
    breaks: ['I8'],
    focus: { faults: ['diskDamaged'], everyMs: 2_000, deeds: [] },
    patches: [
      {
        file: `${log}/log-recovery.ts`,
        find: 'if (proven > batch || isForeign || isHeadless || behind.some(isCutOff)) {',
        replace: 'if (isHeadless && isForeign) {',
      },
    ],
  },
  {
    name: 'write-without-sync',
    what: 'A write is reported done without a sync.',
    breaks: ['I1', 'I4', 'bug'],
    focus: { faults: ['crash'], deeds: [] },
    patches: [
      {
        file: `${log}/log-writer.ts`,
        find: '    await syncFile(current.file);\n    this.#batch++;',
        replace: '    this.#batch++;',
      },
    ],
  },
  {
    name: 'failed-sync-ignored',
    what: 'A sync that fails is taken for one that went well.',
    breaks: ['I1', 'I4', 'bug'],
    focus: { faults: ['diskFailed'], deeds: [] },
    patches: [
      {
        file: `${log}/log-writer.ts`,
        find: '    await syncFile(current.file);\n    this.#batch++;',
        replace: '    await syncFile(current.file).catch(() => undefined);\n    this.#batch++;',
      },
    ],
  },
  {
    name: 'failed-write-acknowledged',
    what: 'A write that fails is taken for one that went well.',
    breaks: ['I1', 'I4', 'bug'],
    focus: { faults: ['diskFailed', 'diskFull'], deeds: [] },
    patches: [
      {
        file: 'packages/consensus/src/driver/disk-writer.ts',
        find: '        if (!this.#stopped) this.#fail(request, error);',
        replace: '        if (!this.#stopped && this.#fail !== error) this.#events.onStored(id);',
      },
    ],
  },
];
