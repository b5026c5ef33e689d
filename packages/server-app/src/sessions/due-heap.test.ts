import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DueHeap } from './due-heap.ts';

interface Item {
  readonly name: number;
  atMs: number;
  place: number;
}

const atMs = fc.integer({ min: 0, max: 50 });
const step = fc.oneof(
  fc.record({ deed: fc.constant('put' as const), name: fc.integer({ min: 0, max: 15 }), atMs }),
  fc.record({ deed: fc.constant('remove' as const), name: fc.integer({ min: 0, max: 15 }), atMs }),
  fc.record({ deed: fc.constant('pop' as const), name: fc.constant(0), atMs }),
);

it('gives each item once, by the time at which it is due and never too early, however often it is moved', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const heap = new DueHeap<Item>();
      const items = Array.from({ length: 16 }, (_, name): Item => ({ name, atMs: 0, place: -1 }));
      const model = new Map<number, number>();
      for (const { deed, name, atMs } of steps) {
        const item = items[name] as Item;
        if (deed === 'put') {
          heap.put(item, atMs);
          model.set(name, atMs);
        } else if (deed === 'remove') {
          heap.remove(item);
          model.delete(name);
        } else {
          const popped = heap.popDue(atMs);
          const earliestMs = Math.min(...model.values());
          if (earliestMs > atMs) expect(popped).toBeUndefined();
          else {
            expect(model.get(popped?.name ?? -1)).toBe(earliestMs);
            model.delete(popped?.name ?? -1);
          }
        }
        expect(heap.size).toBe(model.size);
        expect(heap.nextMs).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
      }
    }),
  );
});
