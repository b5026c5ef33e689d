import { describe, expect, it } from 'vitest';
import { drawSchedule, parseSchedule } from './schedule.ts';

describe('a schedule', () => {
  it('is the same for one seed, and survives its file', () => {
    const schedule = drawSchedule(5, 30);
    expect(drawSchedule(5, 30)).toEqual(schedule);
    expect(parseSchedule(JSON.stringify(schedule))).toEqual(schedule);
  });

  it('begins alike however long it goes on', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const [short, long] = [drawSchedule(seed, 10), drawSchedule(seed, 30)];
      expect(long.faults.slice(0, short.faults.length)).toEqual(short.faults);
      expect(long.deeds.slice(0, short.deeds.length)).toEqual(short.deeds);
    }
  });

  it('differs by seed in which faults there are, and whether there are any', () => {
    const kinds = Array.from(
      { length: 40 },
      (_, seed) => new Set(drawSchedule(seed, 60).faults.map(({ kind }) => kind)),
    );
    expect(kinds.some(({ size }) => size === 0)).toBe(true);
    expect(new Set(kinds.map((each) => [...each].sort().join())).size).toBeGreaterThan(30);
  });

  it('says what is wrong with a file that is none', () => {
    const schedule = drawSchedule(5, 30);
    expect(() => parseSchedule(JSON.stringify({ ...schedule, seconds: 0 }))).toThrow('seconds');
  });
});
