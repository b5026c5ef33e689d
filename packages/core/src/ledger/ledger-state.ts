import type { License } from '../license/license.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { PolicyIndex } from '../policy/policy-index.ts';
import type { InstallCommand, LedgerSettings } from './commands.ts';
import { IdIndex } from './id-index.ts';
import { IndexedHeap } from './indexed-heap.ts';
import { type LedgerVersionRange, ledgerVersions, recoverVersion } from './limits.ts';
import type { RecordSink } from './record-sink.ts';
import { RecordTable } from './record-table.ts';
import { writeRecord } from './record-writer.ts';
import {
  type Borrow,
  type EndedSession,
  type Entry,
  type Feature,
  type Grant,
  type Holder,
  kinds,
  type LedgerRecord,
  type Linger,
  type Pool,
  type Result,
  type Session,
  type Share,
} from './records.ts';
import type { LedgerEvent } from './results.ts';
import { MultisetHash, RecordHash } from './state-hash.ts';

/** What the license and the settings say of leases, whole ms. */
export interface LeaseBounds {
  /** Of sessions that have neither grants nor queue places. */
  readonly baseLeaseMs: number;
  readonly baseHoldMs: number;
  /** Over all features and the default. */
  readonly longestLeaseMs: number;
  readonly longestHoldMs: number;
  readonly shortestHoldMs: number;
}

/** Told of every record before it changes, so that a frozen view can keep what it was. */
export interface StateObserver {
  beforeChange(record: LedgerRecord): void;
}

/**
 * What is true of the ledger as a whole. Everything but the maps and flags under "derived" is in the hash and in snapshots.
 */
export class LedgerState {
  /** The ledger rules that the code knows. */
  readonly known: LedgerVersionRange;
  timeMs = 0;
  /** The last serial number given to a record. */
  serial = 0;
  /** The ledger rules in force; 0 before `open`. */
  version = 0;
  isOpen = false;
  /** License time of the first entry. */
  formedAtMs = 0;
  /** License time of the newest `recover`; 0: there was none. */
  recoveredAtMs = 0;
  settings: LedgerSettings | null = null;
  license: License | null = null;
  licenseText = '';
  /** More license files, in the order in which they were loaded. */
  otherTexts: readonly string[] = [];
  licenseHash = '';
  /** The policy's text and document; '' where there never was one. */
  policyText = '';
  policyJson = '';
  /** Undefined where it has no rules. */
  policy: PolicyIndex | undefined;
  /** Identity keys of drained servers. */
  readonly drained = new Set<string>();

  readonly pools = new RecordTable<Pool>();
  readonly sessions = new RecordTable<Session>();
  readonly endedSessions = new RecordTable<EndedSession>();
  readonly grants = new RecordTable<Grant>();
  readonly entries = new RecordTable<Entry>();
  readonly results = new RecordTable<Result>();
  readonly lingers = new RecordTable<Linger>();
  readonly borrows = new RecordTable<Borrow>();

  // Derived.
  readonly features = new Map<string, Feature>();
  /** Features with a queue. */
  readonly queued = new Set<Feature>();
  /** Pools as the license lists them. */
  licensed: readonly Pool[] = [];
  leases: LeaseBounds = { baseLeaseMs: 0, baseHoldMs: 0, longestLeaseMs: 0, longestHoldMs: 0, shortestHoldMs: 0 };
  readonly sessionsById = new IdIndex<Session>();
  readonly endedById = new IdIndex<EndedSession>();
  readonly endingGrants = new RecordTable<Grant>();
  /** Queue places by their limit; equal ones by serial, so that every server ends them in the same order. */
  readonly deadlines = new IndexedHeap<Entry>(
    (a, b) => a.untilMs < b.untilMs || (a.untilMs === b.untilMs && a.serial < b.serial),
  );
  readonly shares = new RecordTable<Share>();
  /** Lingering seats by their end. */
  readonly lingerEnds = new IndexedHeap<Linger>(
    (a, b) => a.untilMs < b.untilMs || (a.untilMs === b.untilMs && a.serial < b.serial),
  );
  readonly borrowsById = new IdIndex<Borrow>();
  /** Borrows by when their seats are free. */
  readonly borrowEnds = new IndexedHeap<Borrow>(
    (a, b) => a.freeMs < b.freeMs || (a.freeMs === b.freeMs && a.serial < b.serial),
  );
  /** Holders with seats that some who wait could use now; empty between commands. */
  readonly offers = new Set<Holder>();
  /** Terms or time have changed: any who wait might use the seats of others now. */
  areOffersOpen = false;
  /** License time at which the next pool begins or ends; Infinity: none does. */
  boundaryMs = Number.POSITIVE_INFINITY;
  /** There may be grants or queue places that end because a pool did. */
  isSweepDue = false;
  /** What the command under way has brought about. */
  events: LedgerEvent[] = [];
  /** Records looked at or changed so far: lets a test count work instead of measuring time. */
  visits = 0;

  readonly #hash = new MultisetHash();
  readonly #recordHash = new RecordHash();
  readonly #dirty: LedgerRecord[] = [];
  #observers: readonly StateObserver[] = [];
  #licenseDigest = '';
  #policyDigest = '';

  constructor(known: LedgerVersionRange = ledgerVersions) {
    this.known = known;
  }

  nextSerial(): number {
    return ++this.serial;
  }

  /** To be called before a record's canonical fields change or it is deleted. Calling it again is free. */
  touch(record: LedgerRecord): void {
    if (record.isDirty) return;
    this.visits++;
    record.isDirty = true;
    this.#hash.subtract(this.#hashOf(record));
    this.#dirty.push(record);
    for (const observer of this.#observers) observer.beforeChange(record);
  }

  /** Puts a new record into its table. It must be `isDirty` and `isLive`. */
  add(record: LedgerRecord): void {
    this.visits++;
    this.#dirty.push(record);
    this.#tableOf(record).add(record);
  }

  /** Takes a record out of its table. */
  delete(record: LedgerRecord): void {
    this.touch(record);
    record.isLive = false;
    this.#tableOf(record).delete(record.serial);
  }

  /** Ends a command: the hash takes up what changed. Gives the command's events. */
  settle(): readonly LedgerEvent[] {
    for (const record of this.#dirty) {
      record.isDirty = false;
      if (record.isLive) this.#hash.add(this.#hashOf(record));
    }
    this.#dirty.length = 0;
    const events = this.events;
    this.events = [];
    return events;
  }

  observe(observer: StateObserver): void {
    this.#observers = [...this.#observers, observer];
  }

  unobserve(observer: StateObserver): void {
    this.#observers = this.#observers.filter((one) => one !== observer);
  }

  /** `license` is what the texts say together. */
  setLicense(license: License, texts: Pick<InstallCommand, 'license' | 'others' | 'licenseHash'>): void {
    this.license = license;
    this.licenseText = texts.license;
    this.otherTexts = texts.others ?? [];
    this.licenseHash = texts.licenseHash;
    this.#recordHash.begin();
    for (const text of [this.licenseText, ...this.otherTexts]) this.#recordHash.text(text);
    this.#recordHash.end();
    this.#licenseDigest = new MultisetHash().hexWith(this.#recordHash);
  }

  /** What follows from it for grants, queues and pools is for the caller to bring about. */
  setPolicy(text: string, json: string): void {
    this.policyText = text;
    this.policyJson = json;
    const document = JSON.parse(json) as PolicyDocument;
    this.policy = document.rules.length === 0 ? undefined : new PolicyIndex(document);
    this.#recordHash.begin();
    for (const part of [text, json]) this.#recordHash.text(part);
    this.#recordHash.end();
    this.#policyDigest = new MultisetHash().hexWith(this.#recordHash);
  }

  /** The state's hash (I9), 32 hexadecimal digits; independent of how the state came about. */
  hash(): string {
    const sink = this.#recordHash;
    sink.begin();
    writeGlobals(sink, this);
    sink.text(this.#licenseDigest);
    if (this.policyJson !== '') sink.text(this.#policyDigest);
    sink.end();
    return this.#hash.hexWith(sink);
  }

  #hashOf(record: LedgerRecord): RecordHash {
    this.#recordHash.begin();
    this.#recordHash.uint(record.kind);
    writeRecord(this.#recordHash, record);
    this.#recordHash.end();
    return this.#recordHash;
  }

  #tableOf(record: LedgerRecord): RecordTable<LedgerRecord> {
    return this.table(record.kind);
  }

  /** The table of a kind of record. */
  table(kind: LedgerRecord['kind']): RecordTable<LedgerRecord> {
    switch (kind) {
      case kinds.pool:
        return this.pools;
      case kinds.session:
        return this.sessions;
      case kinds.endedSession:
        return this.endedSessions;
      case kinds.grant:
        return this.grants;
      case kinds.entry:
        return this.entries;
      case kinds.result:
        return this.results;
      case kinds.linger:
        return this.lingers;
      case kinds.borrow:
        return this.borrows;
    }
  }
}

/** The canonical form of what is not in a table, but for the license's text. Also the head of a snapshot. */
export function writeGlobals(sink: RecordSink, state: LedgerState): void {
  sink.uint(state.version);
  sink.uint(state.serial);
  sink.uint(state.timeMs);
  sink.uint(state.isOpen ? 1 : 0);
  sink.uint(state.formedAtMs);
  sink.text(state.settings === null ? '' : JSON.stringify(state.settings));
  sink.text(state.licenseHash);
  sink.uint(state.drained.size);
  for (const server of [...state.drained].sort()) sink.text(server);
  if (state.version >= recoverVersion) sink.uint(state.recoveredAtMs);
}
