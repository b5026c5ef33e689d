import fc from 'fast-check';
import type { PolicyDocument } from '../../policy/document.ts';
import { policyArbitrary } from './model-policies.ts';

/** Who takes part. */
export const names = ['p', 'q', 'r'];

/** What a random step wants; how it is read depends on what there is. */
const kindArbitrary = fc.oneof(
  { weight: 12, arbitrary: fc.constant('checkout' as const) },
  { weight: 5, arbitrary: fc.constantFrom('checkin' as const, 'assign' as const, 'resume' as const) },
  {
    weight: 3,
    arbitrary: fc.constantFrom('cancel' as const, 'acknowledge' as const, 'revoke' as const, 'settle' as const),
  },
  { weight: 2, arbitrary: fc.constantFrom('reclaim' as const, 'disconnect' as const, 'tick' as const) },
  { weight: 3, arbitrary: fc.constantFrom('borrow' as const, 'borrow' as const, 'return' as const) },
  { weight: 1, arbitrary: fc.constant('acceptBorrow' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('goodbye' as const, 'install' as const, 'policy' as const, 'snapshot' as const),
  },
  // Opened more often than recovered, or most checkouts would meet closed doors.
  { weight: 1, arbitrary: fc.constantFrom('recover' as const, 'opened' as const, 'opened' as const) },
);
const usual = { kind: kindArbitrary, policy: fc.constant<PolicyDocument | undefined>(undefined) };
const drawnPolicy = { kind: fc.constant('policy' as const), policy: policyArbitrary };
const stepOf = (feature: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 30, arbitrary: stepLike(feature, usual) },
    { weight: 1, arbitrary: stepLike(feature, drawnPolicy) },
  );
const stepLike = <Kind, Policy>(
  feature: fc.Arbitrary<string>,
  what: { readonly kind: fc.Arbitrary<Kind>; readonly policy: fc.Arbitrary<Policy> },
) =>
  fc.record({
    ...what,
    who: fc.nat(names.length - 1),
    feature,
    version: fc.constantFrom(undefined, undefined, undefined, '1', '2.0', '4'),
    releasedAt: fc.constantFrom(undefined, '2025-12-31', '2026-01-01T00:00:00Z', '2026-03-31', '2026-04-01'),
    display: fc.constantFrom(undefined, ':0', ':0', ':1'),
    shareKey: fc.constantFrom(undefined, 'k'),
    address: fc.constantFrom(undefined, '10.1.2.3', '10.1.9.9', '192.168.0.1'),
    count: fc.constantFrom(1, 1, 1, 1, 2, 3),
    // More than the count is asked in vain.
    countMin: fc.constantFrom(undefined, undefined, 1, 1, 2),
    // Mostly one feature alone; the same twice is asked in vain, too.
    more: fc.oneof(
      { weight: 4, arbitrary: fc.constant<string[]>([]) },
      { weight: 1, arbitrary: fc.array(feature, { maxLength: 2 }) },
    ),
    as: fc.constantFrom(undefined, 'removed' as const, 'idle' as const),
    waitMs: fc.constantFrom(0, 5000, 60_000),
    pastQueue: fc.constantFrom(false, false, false, true),
    pick: fc.nat(20),
    // Most requests are in order and know the epoch; what the others are like says `oddity`.
    isProper: fc.constantFrom(true, true, true, false),
    oddity: fc.record({
      seq: fc.constantFrom('next', 'repeat', 'repeat', 'repeat', 'skip', 'first', 'first'),
      epoch: fc.constantFrom('current', 'current', 'current', 'current', 'older', 'zero', 'newer'),
      attempt: fc.integer({ min: 1, max: 3 }),
    }),
    awaits: fc.constantFrom('this', 'same', 'same', 'from1', 'beyond'),
    // License time mostly goes on; sometimes a stamp is older than the last.
    laterMs: fc.constantFrom(0, 0, 0, 0, 500, 500, 4000, 20_000, -3000),
    silentMs: fc.constantFrom(5000, 21_200, 21_200, 31_300, 31_300, 61_600),
  });
/** Steps with any feature. */
export const stepArbitrary = stepOf(
  fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c', 'g', 'h', 'h', 'h', 'l', 'l', 's', 's', 'u', 'x'),
);
/** Seats that are shared and linger are few here, so that many wait for them. */
export const sharingStepArbitrary = stepOf(fc.constantFrom('h', 'h', 'h', 'l'));
/** One step of a life. */
export type Step = typeof stepArbitrary extends fc.Arbitrary<infer S> ? S : never;
