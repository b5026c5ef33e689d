import { LicError } from '@lic/interfaces';
import { protocolVersions } from './limits.ts';

/** A range of protocol versions, both ends included. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/**
 * The version that both sides speak: the highest of what `theirs` and `ours` have in common.
 * Throws `PROTOCOL_UNSUPPORTED` with both ranges in `details` where there is none.
 */
export function negotiate(theirs: VersionRange, ours: VersionRange = protocolVersions): number {
  const version = Math.min(theirs.max, ours.max);
  if (version >= Math.max(theirs.min, ours.min)) return version;
  throw new LicError(
    'PROTOCOL_UNSUPPORTED',
    `No protocol version in common: the other side speaks ${range(theirs)}, this side ${range(ours)}. ` +
      `Upgrade ${theirs.max < ours.min ? 'the other side' : 'this side'}.`,
    { details: { theirs: { ...theirs }, ours: { ...ours } } },
  );
}

const range = ({ min, max }: VersionRange): string => (min === max ? `version ${min}` : `versions ${min} to ${max}`);
