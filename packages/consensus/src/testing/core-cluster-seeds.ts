/**
 * Seeds that failed once, and what was wrong. What a seed does depends on the code of the cluster: where that changes, they are only
 * as good as any other, and the test that was written for the bug is what keeps it away.
 */
export const failedSeeds: readonly { readonly count: number; readonly seed: number; readonly was: string }[] = [
  { count: 3, seed: 523_741_799, was: 'a snapshot newer than the stored term made a disk look like an older copy' },
  { count: 3, seed: 525_277_922, was: 'a leader that was not in control yet never learned that a snapshot was lost' },
];
