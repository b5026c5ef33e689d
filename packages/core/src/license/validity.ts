import type { LicenseFeature } from './license.ts';

const dayMs = 86_400_000;

/** Whether it is a date, not an instant. */
const isDate = (text: string): boolean => !text.includes('T');

/** The first millisecond (UTC) at which a feature may be used: a date begins at 00:00. 0 where it names no start. */
export const featureStartMs = ({ startsAt }: Pick<LicenseFeature, 'startsAt'>): number =>
  startsAt === undefined ? 0 : Date.parse(startsAt);

/**
 * The first millisecond (UTC) at which a feature is over: it may be used while license time is *below* this. A date runs to
 * the end of that day, so this is 00:00 of the day after; an instant is itself the end. `Infinity` for a permanent feature,
 * which JSON can't express: keep it out of records.
 */
export const featureEndMs = ({ expiresAt }: Pick<LicenseFeature, 'expiresAt'>): number =>
  expiresAt === undefined ? Infinity : Date.parse(expiresAt) + (isDate(expiresAt) ? dayMs : 0);
