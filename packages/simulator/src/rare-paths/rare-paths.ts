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
  partFromQueue: 'a place in the queue was served with fewer seats than it asked for',
  overdrawn: 'a seat above the count was taken',
  shareJoined: 'a checkout shared the seats of another',
  lingered: 'seats lingered until their time was over',
  lingerTaken: 'seats that lingered were taken again by their holder',
  graceTaken: 'a seat was taken in the days of grace',
  endedByTime: "a grant ended with its feature's licensed period",
  notStarted: 'a checkout came before the licensed period',
  expired: 'a checkout came after the licensed period',
  notCovered: 'a checkout was of a release that maintenance does not cover',
  disconnected: 'a grant ended with the connection of its client',
  endedIdle: 'a client was told that its grant was idle for too long',
  setInstalled: 'a license of two files came into force',
  reloadTried: 'an operator asked what a reload would change',
  policyTried: 'an operator asked what a policy would change',
  policyRefused: 'a policy that contradicts itself or the license was refused',
  policyBesideGrants: 'a policy came into force while seats were held',
  policyBelowUse: 'a policy let somebody have fewer seats than were held',
  policyExplained: 'an operator asked what the policy says of somebody',
  checkoutExplained: 'an operator asked what a checkout would come to',
  excluded: 'a policy kept somebody out',
  notIncluded: 'a policy let others in alone',
  excludedFromQueue: 'somebody who waited was kept out by a new policy',
  maxReached: 'a limit of a policy was reached',
  reserved: 'the last seats were reserved for others',
  reservationUsed: 'a seat was taken that was reserved for its holder',
  priorityServed: 'a place in the queue was served before one that was older',
  ruledByAddress: 'a checkout was denied by a rule for its address',
  ruledByDisplay: 'a checkout was denied by a rule for its display',
  ruledByProject: 'a checkout was denied by a rule for its project',
  ruledByProduct: 'a checkout was denied by a rule for its product',
  ruledByGroup: 'a checkout was denied by a rule for a group of users',
  ruledByHostGroup: 'a checkout was denied by a rule for a group of hosts',
  borrowed: 'seats were borrowed',
  borrowLimited: 'more was to be borrowed than may be',
  borrowReturned: 'a borrow was given back',
  borrowRanOut: 'a borrow ran out while it was in use',
  borrowClockBack: 'the clock was set back where a borrow was in use',
  borrowerDied: 'a process died while it borrowed or gave back',
  borrowAskedAgain: 'a borrow was asked for again and was the same',
  borrowExpired: 'borrowed seats came free that nobody had given back',
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
