import { describe, expect, it } from 'vitest';
import { featureEndMs, featureGraceEndMs, featureStartMs, featureSupportEndMs, releaseMs } from './validity.ts';

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

  it('goes on for the days of grace after that', () => {
    expect(featureGraceEndMs({ expiresAt: '2026-12-31', graceDays: 7 })).toBe(Date.UTC(2027, 0, 8));
    expect(featureGraceEndMs({ expiresAt: '2026-12-31T12:00:00Z' })).toBe(Date.UTC(2026, 11, 31, 12));
    expect(featureGraceEndMs({})).toBe(Number.POSITIVE_INFINITY);
  });

  it('is for releases up to the end of a day, too', () => {
    expect(featureSupportEndMs({ supportedUntil: '2026-12-31' })).toBe(Date.UTC(2027, 0, 1));
    expect(featureSupportEndMs({})).toBe(Number.POSITIVE_INFINITY);
    expect(releaseMs('2026-12-31')).toBe(Date.UTC(2026, 11, 31));
    expect(releaseMs('2026-12-31T23:59:59.999Z')).toBe(Date.UTC(2027, 0, 1) - 1);
    expect(['31.12.2026', '2026-02-30', '2026', ''].map(releaseMs)).toEqual(Array(4).fill(undefined));
  });

  it('without them has been and is for ever', () => {
    expect([featureStartMs({}), featureEndMs({})]).toEqual([0, Number.POSITIVE_INFINITY]);
  });
});
