import { releaseMs } from '@lic/core';
import { protocolLimits } from '@lic/protocol';
import type { BorrowWish } from './borrowing.ts';
import { ClientError } from './errors.ts';
import type { WantedFeature } from './logic/inputs.ts';
import type { BorrowOptions, FeatureWish } from './options.ts';

export function checkedWish({
  feature,
  version,
  releasedAt,
  display,
  shareKey,
  count = 1,
  countMin,
}: FeatureWish): WantedFeature {
  checkName(feature, 'feature');
  if (version !== undefined) checkName(version, 'version');
  if (releasedAt !== undefined) checkRelease(releasedAt);
  if (display !== undefined) checkName(display, 'display');
  if (shareKey !== undefined) checkName(shareKey, 'shareKey');
  checkNumber(count, 'count', 1, protocolLimits.countMax);
  if (countMin !== undefined) checkNumber(countMin, 'countMin', 1, count);
  return { feature, version, releasedAt, display, shareKey, count, countMin };
}

export function checkedEnd({ for: forMs, until }: BorrowOptions): BorrowWish['ends'] {
  if ((forMs === undefined) === (until === undefined))
    throw invalid('for', 'A borrow says either for how long ("for", ms) or until when ("until", a Date).');
  if (forMs !== undefined) {
    checkNumber(forMs, 'for', 1, protocolLimits.borrowMsMax);
    return { inMs: forMs };
  }
  const atMs = until.getTime();
  if (Number.isNaN(atMs)) throw invalid('until', '"until" must be a valid Date.');
  return { atMs };
}

export function checkSeveral(wanted: readonly FeatureWish[]): void {
  const featuresMax = 1 + protocolLimits.moreFeaturesMax;
  if (wanted.length < 1 || wanted.length > featuresMax)
    throw invalid('wanted', `checkoutAll takes 1 to ${featuresMax} features, got ${wanted.length}.`);
  const names = wanted.map(({ feature }) => feature);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined)
    throw invalid('wanted', `"${twice}" is named twice: ask for more seats of it with "count" instead.`);
  if (wanted.some((wish) => 'wait' in wish))
    throw invalid('wait', 'Several features at once wait in no queue: leave "wait" out, or check them out one by one.');
}

export const invalid = (argument: string, message: string): ClientError =>
  new ClientError('INVALID_ARGUMENT', message, { argument });

export function checkName(value: string, argument: string): void {
  if (typeof value === 'string' && value.length >= 1 && value.length <= protocolLimits.nameCharsMax) return;
  throw invalid(argument, `"${argument}" must be a text of 1 to ${protocolLimits.nameCharsMax} characters.`);
}

function checkRelease(releasedAt: string): void {
  if (releaseMs(releasedAt) !== undefined) return;
  throw invalid(
    'releasedAt',
    `"releasedAt" must be a date or an instant in UTC (2026-11-24), got ${String(releasedAt)}.`,
  );
}

export function checkNumber(value: number, argument: string, min: number, max: number): void {
  const isWhole = !argument.startsWith('count') || Number.isSafeInteger(value);
  if (typeof value === 'number' && isWhole && value >= min && value <= max) return;
  throw invalid(argument, `"${argument}" must be a number from ${min} to ${max}, got ${String(value)}.`);
}
