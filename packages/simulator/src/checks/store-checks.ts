import type { LogStore } from '@lic/interfaces';
import type { Fail } from './violation.ts';

/** A disk that may have been damaged. */
export interface DamageableDisk {
  /** Where, in what had surely been synced; undefined: nowhere, or a store has been asked since. */
  damagedAt: { readonly file: string; readonly offset: number } | undefined;
}

/** Looks on between a server and its store: damage in the middle of a log is said, and never cut off as a torn tail would be (I8). */
export function watchForDamage(
  store: LogStore,
  { server, disk, fail }: { readonly server: string; readonly disk: DamageableDisk; readonly fail: Fail },
): LogStore {
  const open: LogStore['open'] = async () => {
    const contents = await store.open();
    const { damagedAt } = disk;
    disk.damagedAt = undefined;
    if (damagedAt !== undefined && contents.damage === undefined)
      fail('I8', `${server} takes its log for whole, although ${damagedAt.file} is damaged at ${damagedAt.offset}`);
    return contents;
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'open') return open;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
