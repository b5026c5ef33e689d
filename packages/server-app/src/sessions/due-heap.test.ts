import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DueHeap } from './due-heap.ts';

it('gives keys by the time at which they are due, and none too early', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 0, max: 50 }), (times, nowMs) => {
      const heap = new DueHeap();
      times.forEach((atMs, index) => void heap.push(`${index}`, atMs));
      const taken: number[] = [];
      for (let key = heap.popDue(nowMs); key !== undefined; key = heap.popDue(nowMs))
        taken.push(times[Number(key)] as number);
      expect(taken).toEqual(times.filter((atMs) => atMs <= nowMs).sort((a, b) => a - b));
      const later = times.filter((atMs) => atMs > nowMs);
      expect(heap.nextMs).toBe(later.length === 0 ? undefined : Math.min(...later));
    }),
  );
});
