/**
 * Paths that are rare and that bugs like. Each is recognised from outside, by what servers, clients and disks do; the product has no hook
 * for it. One that many seeds never reach is a failure of the workload.
 */
export const rarePaths = {
  snapshotInPartition: 'a snapshot was installed while links were cut',
  deposedInFlight: 'a leader was deposed with entries in flight',
  twoInControl: 'a deposed server believed for a while that it is in control beside the new one',
  voteSplit: 'two servers voted for themselves in one term',
  entriesOverwritten: 'entries that were never committed were replaced by those of another leader',
  transferAborted: 'a transfer of control came to nothing',
  failback: 'control went back to a better rank',
  movedAway: 'a drained server, or one with an alarm, gave control away',
  tornTail: 'a crash took a part of what was being written',
  diskFullInControl: 'the disk of the server in control was full',
  wipedRefilled: 'a server whose disk was wiped caught up',
  rollbackRecognised: 'a server noticed that its disk was rolled back',
  damageFound: 'a server found its log damaged',
  repaired: 'an operator had a server repaired in place',
  readmitted: 'a server that had lost its memory got its vote back',
  exchanged: 'a machine with another identity took the place of a server, and has its vote',
  configurationReverted:
    'a configuration was in force at a server and then taken back, by a crash or by another leader',
  resumeByATick: 'a resume came less than one round before the hold had passed',
  reclaimBesideResume: 'a session was resumed while its reclaim was under way',
  holdExtended: 'holds outlasted a stall of the server in control',
  reclaimedWhileAway: 'a client came back and was told that its grant was reclaimed',
  lostThenResumed: 'a lease ran out and the grant still stood',
  endingSettled: 'a revoked grant ended since its hold had passed, not by its client',
  severalTaken: 'a checkout took seats of several features at once',
  partTaken: 'a checkout took fewer seats than it asked for',
  holderRemoved: 'all grants of a holder were taken from it',
  queueHandedOver: 'a seat went to a place in the queue that was taken under another server',
  repeatAfterFailover: 'a checkout was repeated after a failover and got the same grant',
  superseded: 'a connection that was left behind was refused',
  oldFramesLate: 'frames of a replaced connection arrived after those of the new one',
  powerCycled: 'a session was resumed after all servers were down at once',
  aloneResumed: 'a session was resumed at a single server that was restarted',
  openedAfterHold: 'checkouts opened only after one longest hold',
  licenseBelowUse: 'a license with fewer seats found more of them taken',
  licenseCaughtUp: 'a server heard of a reload late',
  leapPending: 'license time would have leapt, and waited',
  leapAccepted: 'an operator accepted the leap',
} as const;

/** One of {@link rarePaths}. */
export type RarePath = keyof typeof rarePaths;

/** So many seeds reach every rare path, or the workload is not good enough. */
export const seedsForAllPaths = 300;

/** Counts how often each rare path was reached. */
export class Coverage {
  readonly #counts = new Map<RarePath, number>();

  /** It was reached now. */
  sometimes(path: RarePath): void {
    this.#counts.set(path, (this.#counts.get(path) ?? 0) + 1);
  }

  get counts(): ReadonlyMap<RarePath, number> {
    return this.#counts;
  }
}

/** Rare paths that were never reached. */
export function unreached(counts: Readonly<Record<string, number>>): readonly RarePath[] {
  return (Object.keys(rarePaths) as RarePath[]).filter((path) => (counts[path] ?? 0) === 0);
}
