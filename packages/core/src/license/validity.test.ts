import { describe, expect, it } from 'vitest';
import { featureEndMs, featureStartMs } from './validity.ts';

describe('the validity of a feature', () => {
  it('with dates runs from the beginning of the first day to the end of the last, UTC', () => {
    expect(featureStartMs({ startsAt: '2026-12-01' })).toBe(Date.UTC(2026, 11, 1));
    expect(featureEndMs({ expiresAt: '2026-12-31' })).toBe(Date.UTC(2027, 0, 1));
    expect(featureEndMs({ expiresAt: '2028-02-28' })).toBe(Date.UTC(2028, 1, 29));
  });

  it('with instants begins and ends there', () => {
    expect(featureStartMs({ startsAt: '2026-12-01T12:00:00Z' })).toBe(Date.UTC(2026, 11, 1, 12));
    expect(featureEndMs({ expiresAt: '2026-12-31T12:00:00.5Z' })).toBe(Date.UTC(2026, 11, 31, 12, 0, 0, 500));
  });

  it('without them has been and is for ever', () => {
    expect([featureStartMs({}), featureEndMs({})]).toEqual([0, Number.POSITIVE_INFINITY]);
  });
});
