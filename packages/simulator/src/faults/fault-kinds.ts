/** Everything that can go wrong in a run. */
export const faultKinds = [
  'crash',
  'crashInWrite',
  'crashInElection',
  'crashInChange',
  'powerCut',
  'stop',
  'pause',
  'isolate',
  'island',
  'oneWay',
  'slowLink',
  'reset',
  'halfOpen',
  'lateFrames',
  'flaky',
  'stall',
  'diskFull',
  'diskFailed',
  'diskReadOnly',
  'noHandles',
  'diskLost',
  'diskRolledBack',
  'diskDamaged',
  'snapshotDamaged',
  'drift',
  'clockStep',
  'clockLeap',
  'cutClient',
  'clientDeath',
  'clientPause',
  'clientClockStep',
] as const;

/** One of {@link faultKinds}. */
export type FaultKind = (typeof faultKinds)[number];

/** What an operator does again and again. */
export const usualDeeds = ['revoke', 'drain', 'undrain', 'transfer', 'reload', 'timeAccept', 'repair'] as const;

/**
 * Everything that an operator does in a run. `exchange`: a license with another machine in the place of one. `policy`: other rules. `ask`: a
 * question that changes nothing.
 */
export const deedKinds = [...usualDeeds, 'exchange', 'policy', 'ask'] as const;

/** One of {@link deedKinds}. */
export type DeedKind = (typeof deedKinds)[number];
