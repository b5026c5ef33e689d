import type { IndexedHeap } from './indexed-heap.ts';
import type { EndReason } from './results.ts';
import type { SharingField } from './sharing-fields.ts';
import type { Version } from './versions.ts';

/** What kind of record it is; also its tag in a snapshot, so a number never changes its meaning. */
export const kinds = {
  pool: 0,
  session: 1,
  endedSession: 2,
  grant: 3,
  entry: 4,
  result: 5,
  linger: 6,
  borrow: 7,
} as const;

/** The kinds that ledger version 1 knew: a snapshot of its time has no others. */
export const firstKinds = [
  kinds.pool,
  kinds.session,
  kinds.endedSession,
  kinds.grant,
  kinds.entry,
  kinds.result,
] as const;

interface RecordBase {
  /** Unique in the ledger's life, rising: the order of beginning. */
  readonly serial: number;
  /** Changed by the command under way: its hash is out of the sum until the command ends. */
  isDirty: boolean;
  /** False once it was taken out of its table. */
  isLive: boolean;
}

/** A feature by name: what its pools and its queue share. Derived, so not a record of its own. */
export interface Feature {
  readonly name: string;
  /** The licensed pools, lowest version first. */
  pools: Pool[];
  /** By priority, then serial: first come, first served. */
  readonly queue: Entry[];
  /** All pools cover the same releases: what suffices for a request is then a pool and all above it. */
  isUniform: boolean;
  /** A pool ended or shrank: there may be entries that nothing can serve any more. */
  mayHaveStranded: boolean;
}

/** The seats that one license file has of a pool, and when. */
export interface PoolPart {
  /** Infinity where uncounted. */
  readonly count: number;
  readonly overdraft: number;
  readonly startsAtMs: number;
  /** Infinity: permanent. */
  readonly expiresAtMs: number;
  /** Where the days of grace are over, too. */
  readonly endsAtMs: number;
}

/** The seats of one version of a feature. Everything under "derived" follows from the license and the grants. */
export interface Pool extends RecordBase {
  readonly kind: typeof kinds.pool;
  readonly featureName: string;
  version: Version;
  /** Not licensed any more, but not all its grants have ended. */
  isRemoved: boolean;
  // Derived.
  /** Infinity where uncounted; 0 once removed. */
  count: number;
  /** Seats above the count that may be taken, too. */
  overdraft: number;
  /** As many as the policy lets. */
  overdraftMax: number;
  /** What the license says of seats and periods; one for each file of a set that names the pool. */
  parts: readonly PoolPart[];
  /** Some part has begun and is not over: seats can be taken. */
  isUsable: boolean;
  /** Some part is over and none is in force: what is held of it ends. */
  isOver: boolean;
  /** When the licensed period of the last part is over. Infinity: permanent. */
  expiresAtMs: number;
  /** Releases from then on are not covered. Infinity: all are. */
  supportEndMs: number;
  /** What users of one seat have in common; empty: every checkout has seats of its own. */
  sharedBy: readonly SharingField[];
  /** How many share a seat at most; 0: any number. */
  sharersMax: number;
  /** How long a seat stays taken after it was given back. */
  lingerMs: number;
  /** How long a seat stays taken at least. */
  minimumMs: number;
  /** Who shares seats, keeps them lingering or waits to use those of others, by `holderKey`. */
  readonly holders: Map<string, Holder>;
  /** What the license has for the product; undefined: nothing. */
  vendorData: string | undefined;
  /** What may be borrowed; undefined: nothing. */
  borrow: { readonly longestMs: number; readonly countMax: number } | undefined;
  /** Borrow records of the pool, and their seats. */
  borrows: number;
  borrowed: number;
  /** Lingering records of the pool. */
  lingers: number;
  /** When seats of the pool come free for sure, the earliest first. */
  readonly knownEnds: IndexedHeap<KnownEnd>;
  leaseMs: number;
  holdMs: number;
  endsOnDisconnect: boolean;
  inUse: number;
  grants: number;
  /** Oldest first. */
  firstGrant: Grant | undefined;
  lastGrant: Grant | undefined;
  /** Its borrows, oldest first. */
  firstBorrow: Borrow | undefined;
  lastBorrow: Borrow | undefined;
  /** Of a removed pool: grants before this one are *ending* already. */
  sweepFrom: Grant | undefined;
  /** Waiting entries for which this is the lowest sufficient pool. */
  waiting: number;
}

/** Who takes seats of a pool, or waits for them. */
export interface Claimant {
  readonly session: Pick<Session, 'user' | 'host' | 'project' | 'product'>;
  /** '' where the client did not name it. */
  readonly display: string;
  /** What the vendor's product shares by; '' where it named none. */
  readonly shareKey: string;
  /** From where the checkout came, as the server saw it; '' where it did not. */
  readonly address: string;
}

/** What takes seats of a pool, or waits for them. */
export interface Claim extends Claimant {
  readonly count: number;
  /** The fewest seats that will do: at most `count`. */
  readonly countMin: number;
}

/** All that is under one key of `holderKey` in a pool. Derived. */
export interface Holder {
  /** Shares that have room, the oldest first. */
  readonly open: IndexedHeap<Share>;
  shares: number;
  /** Oldest first. */
  readonly lingers: Linger[];
  /** Their seats. */
  lingering: number;
  /** Queue places that could use its seats, oldest first. */
  readonly waiting: Entry[];
}

/** Seats that several grants have in common. Derived: it is what the grants that refer to it are. */
export interface Share {
  /** That of its first grant. */
  readonly serial: number;
  readonly key: string;
  /** 0: any number. */
  readonly sharersMax: number;
  sharers: number;
  /** How many sharers asked for how many seats: few differ. */
  readonly counts: { readonly count: number; users: number }[];
  /** As many as its largest sharer asked for. */
  seats: number;
  heapIndex: number;
}

/** A moment at which seats come free whatever their holder does. */
export interface KnownEnd {
  readonly untilMs: number;
  readonly serial: number;
  heapIndex: number;
}

/** Seats that stay taken although they were given back. */
export interface Linger extends RecordBase {
  readonly kind: typeof kinds.linger;
  readonly pool: Pool;
  /** The serial of the grant that they were. */
  readonly grant: number;
  readonly key: string;
  readonly user: string;
  readonly host: string;
  /** Falls as its holder takes some of them again. */
  count: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  // Derived.
  heapIndex: number;
  readonly inPool: KnownEnd;
}

/** Seats that are taken until a certain time, whether or not anybody can be asked. */
export interface Borrow extends RecordBase {
  readonly kind: typeof kinds.borrow;
  readonly pool: Pool;
  /** The client's own, which nobody else is told. */
  readonly id: string;
  /** As its session was, and the request that borrowed: for the rules of the policy. */
  readonly user: string;
  readonly host: string;
  readonly project: string;
  readonly product: string;
  readonly display: string;
  readonly address: string;
  readonly count: number;
  readonly sinceMs: number;
  /** License time at which the client stops using it. */
  readonly untilMs: number;
  /** License time at which its seats are free. */
  readonly freeMs: number;
  // Derived; neighbours in the pool.
  heapIndex: number;
  readonly inPool: KnownEnd;
  previous: Borrow | undefined;
  next: Borrow | undefined;
}

/** One client instance. */
export interface Session extends RecordBase {
  readonly kind: typeof kinds.session;
  readonly id: string;
  readonly secretHash: string;
  readonly user: string;
  readonly host: string;
  /** What the client says that it works for and is; '' where it does not. */
  readonly project: string;
  readonly product: string;
  /** The epoch of the newest connection. */
  epoch: number;
  /** The lowest epoch that the request gave which raised it last, in any of its attempts. */
  epochFloor: number;
  /** The attempt of sequence 1 that was answered last. */
  openAttempt: number;
  /** The newest accepted resume; '' before the first. */
  resumeRequest: string;
  resumeAttempt: number;
  lastSeq: number;
  awaited: number;
  /** Ends with a serial up to this were told by the newest resume. */
  toldSerial: number;
  // Derived.
  /** What became of each sequence number that is still remembered. */
  readonly outcomes: Map<number, Outcome>;
  grants: number;
  entries: number;
  results: number;
  /** Results that the client has yet to be told. */
  untold: number;
  firstResult: Result | undefined;
  lastResult: Result | undefined;
  readonly leases: LeaseUse[];
}

/** How many grants and queue places of a session have this lease and hold. Few differ, so that minima cost little. */
export interface LeaseUse {
  readonly leaseMs: number;
  readonly holdMs: number;
  users: number;
}

/** An id that begins nothing any more: of a session, or of a borrow that was given back. */
export interface EndedSession extends RecordBase {
  readonly kind: typeof kinds.endedSession;
  readonly id: string;
  readonly reason: EndReason;
  /** License time until which it is remembered. */
  readonly untilMs: number;
}

export interface Grant extends RecordBase {
  readonly kind: typeof kinds.grant;
  readonly session: Session;
  readonly pool: Pool;
  readonly checkoutSeq: number;
  readonly count: number;
  readonly sinceMs: number;
  readonly leaseMs: number;
  readonly holdMs: number;
  readonly endsOnDisconnect: boolean;
  /** Undefined: its seats are its own. */
  readonly share: Share | undefined;
  /** As the checkout had them: for the rules of the policy. */
  readonly display: string;
  readonly address: string;
  /** With it more seats were taken than are licensed. */
  readonly isOverdraft: boolean;
  /** Undefined while *active*. */
  endingReason: EndReason | undefined;
  endingNote: string;
  // Derived: neighbours in the pool.
  previous: Grant | undefined;
  next: Grant | undefined;
}

/** A place in a queue. */
export interface Entry extends RecordBase {
  readonly kind: typeof kinds.entry;
  readonly session: Session;
  readonly feature: Feature;
  /** Undefined: any. */
  readonly version: Version | undefined;
  /** As the product said it; '' where it did not. */
  readonly releasedAt: string;
  readonly display: string;
  readonly shareKey: string;
  readonly address: string;
  readonly count: number;
  /** The fewest seats that will do: at most `count`. */
  readonly countMin: number;
  readonly checkoutSeq: number;
  readonly untilMs: number;
  readonly leaseMs: number;
  readonly holdMs: number;
  // Derived.
  readonly releasedAtMs: number | undefined;
  /** The policy's: a higher one comes first. */
  priority: number;
  heapIndex: number;
  /** The lowest pool that suffices; undefined where none is licensed any more. */
  lowestPool: Pool | undefined;
}

/** What a request came to where nothing of it stands: kept until the client awaits it no longer (I5). */
export interface Result extends RecordBase {
  readonly kind: typeof kinds.result;
  readonly session: Session;
  readonly seq: number;
  readonly type: 'done' | 'denied' | 'ended' | 'refused' | 'borrowed';
  /** `ended`: why. */
  readonly reason: EndReason | undefined;
  /** `ended`: the grant's serial, 0 where it was a queue place; else 0. */
  readonly grant: number;
  /** `ended` without the client having asked: kept beyond `awaited`, until a resume has told it. */
  isUntold: boolean;
  /** `denied`: the denial in JSON. `refused`: the message. `borrowed`: the client's id of the borrow. */
  readonly text: string;
  // Derived: neighbours in the session, oldest first.
  previous: Result | undefined;
  next: Result | undefined;
}

export type Outcome = Grant | Entry | Result;
export type LedgerRecord = Pool | EndedSession | Session | Outcome | Linger | Borrow;

/** The order of a queue: priority, then arrival. Negative: `a` comes first. */
export function compareEntries(a: Entry, b: Entry): number {
  return b.priority - a.priority || a.serial - b.serial;
}

/** The id that the outside knows a grant by. */
export function grantId(serial: number): string {
  return `g${serial}`;
}

/** The id that the outside knows a queue place by. */
export function entryId(serial: number): string {
  return `q${serial}`;
}

/** The id that the outside knows a borrow by. */
export function borrowId(serial: number): string {
  return `b${serial}`;
}

/** The serial in an id; -1, which no record has, where it is not one in the only spelling. */
export function serialOf(prefix: 'g' | 'q' | 'b', id: string): number {
  return id.startsWith(prefix) && /^[1-9]\d{0,15}$/.test(id.slice(1)) ? Number(id.slice(1)) : -1;
}
