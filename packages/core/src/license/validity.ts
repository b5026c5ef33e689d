import { type LicenseFeature, releaseSchema } from './license.ts';

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
export const featureEndMs = ({ expiresAt }: Pick<LicenseFeature, 'expiresAt'>): number => endOf(expiresAt);

/** The first millisecond (UTC) at which the feature's grace days are over, too: nothing of it stands from then on. */
export const featureGraceEndMs = ({
  expiresAt,
  graceDays = 0,
}: Pick<LicenseFeature, 'expiresAt' | 'graceDays'>): number => endOf(expiresAt) + graceDays * dayMs;

/** The first millisecond (UTC) of releases that the feature does not cover; `Infinity` where it covers all. */
export const featureSupportEndMs = ({ supportedUntil }: Pick<LicenseFeature, 'supportedUntil'>): number =>
  endOf(supportedUntil);

/** The moment of a product's release, UTC ms; a date is its beginning. Undefined where it is neither date nor instant. */
export const releaseMs = (releasedAt: string): number | undefined =>
  releaseSchema.safeParse(releasedAt).success ? Date.parse(releasedAt) : undefined;

function endOf(text: string | undefined): number {
  return text === undefined ? Infinity : Date.parse(text) + (isDate(text) ? dayMs : 0);
}
