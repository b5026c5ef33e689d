import type { BorrowStore } from '../kept-borrow.ts';

/** A store in memory whose text a test may look at, and that may fail. */
export interface MemoryStore extends BorrowStore {
  text: string | undefined;
  /** Called before each change of it; may throw, or change nothing else. */
  before: (what: 'save' | 'remove') => void;
}

/** Makes one that keeps nothing yet. */
export function memoryStore(): MemoryStore {
  const store: MemoryStore = {
    text: undefined,
    before: () => undefined,
    load: async () => store.text,
    save: async (text) => {
      store.before('save');
      store.text = text;
    },
    remove: async () => {
      store.before('remove');
      store.text = undefined;
    },
  };
  return store;
}
