import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IndexedHeap } from './indexed-heap.ts';
import { RecordTable } from './record-table.ts';

describe('a record table', () => {
  it('has what was added and not deleted, in the order of serials', () => {
    const serial = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5000 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), serial), { maxLength: 100 }), (changes) => {
        const table = new RecordTable<{ readonly serial: number }>();
        const plain = new Set<number>();
        for (const [isAdded, one] of changes) {
          if (!isAdded) table.delete(one);
          else if (!plain.has(one)) table.add({ serial: one });
          if (isAdded) plain.add(one);
          else plain.delete(one);
        }
        const sorted = [...plain].sort((a, b) => a - b);
        expect([...table.walk()].map((record) => record.serial)).toEqual(sorted);
        expect(table.size).toBe(plain.size);
        for (const [, one] of changes) {
          expect(table.get(one)?.serial).toBe(plain.has(one) ? one : undefined);
          expect(table.after(one)?.serial).toBe(sorted.find((other) => other > one));
        }
        expect(table.get(-1)).toBeUndefined();
      }),
    );
  });
});

describe('an indexed heap', () => {
  it('gives the lowest first, whatever is taken out in between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(2), fc.nat(99)), { maxLength: 120, size: 'max' }), (changes) => {
        type Item = { readonly key: number; readonly serial: number; heapIndex: number };
        const before = (a: Item, b: Item) => a.key < b.key || (a.key === b.key && a.serial < b.serial);
        const heap = new IndexedHeap<Item>(before);
        let plain: Item[] = [];
        changes.forEach(([key, what, pick], serial) => {
          const gone = plain[pick % (plain.length || 1)];
          if (what > 0 || gone === undefined) {
            const item = { key, serial, heapIndex: -1 };
            heap.add(item);
            plain.push(item);
          } else {
            heap.delete(gone);
            plain = plain.filter((item) => item !== gone);
          }
          plain.sort((a, b) => (before(a, b) ? -1 : 1));
          expect(heap.first()).toBe(plain[0]);
        });
        for (const item of plain) {
          expect(heap.first()).toBe(item);
          heap.delete(item);
        }
        expect(heap.first()).toBeUndefined();
      }),
    );
  });
});
