/** One line of a history: docs/history-format.md says what each field means. */
export type HistoryRecord = CallRecord | SeenRecord | AccountRecord;

interface Recorded {
  /** From 0, without gaps: the real order of everything. */
  readonly index: number;
  /** Virtual milliseconds since the run began. */
  readonly time: number;
}

/** A call of a product, and what it came to. */
export interface CallRecord extends Recorded {
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  readonly f: 'checkout' | 'checkin';
  /** The call's number, the same at both its ends. */
  readonly op: number;
  /** A thread of calls, one after the other; none after an `info`. */
  readonly process: number;
  /** A client's life: one that dies never comes back under this name. */
  readonly client: string;
  readonly feature: string;
  /** Of a checkout that was granted: of which version the seats are. Absent: of the only one. */
  readonly version?: string;
  /** Of calls that are one checkout of several features: the same number. All are granted, or none. */
  readonly together?: number;
  /** Seats. */
  readonly count: number;
  /** Of a checkout that may be granted fewer seats than `count`: the fewest that will do. */
  readonly countMin?: number;
  readonly waitMs: number;
  /** Of a checkout that was granted, and of each checkin. */
  readonly grant?: string;
  /** Why not. */
  readonly code?: string;
}

/** What clients believe. */
export type SeenRecord = Recorded & { readonly type: 'info'; readonly client: string } & (
    | { readonly f: 'held'; readonly grant: string; readonly value: boolean }
    | { readonly f: 'ended'; readonly grant: string; readonly code: string }
    | { readonly f: 'died' }
  );

/** What the servers have in their log, at the moment at which the first of them applied it. */
export type AccountRecord = Recorded & { readonly type: 'info' } & (
    | { readonly f: 'account' }
    /** From now on the fewest seats that will do are heeded. */
    | { readonly f: 'terms' }
    | {
        readonly f: 'seats';
        readonly feature: string;
        readonly version?: string;
        readonly count: number | 'uncounted';
      }
    | {
        readonly f: 'taken';
        readonly grant: string;
        readonly client: string;
        readonly feature: string;
        readonly version?: string;
        readonly count: number;
        /** The number of the log's entry. */
        readonly entry?: number;
        /** Grants that name the same share have the same seats. */
        readonly share?: string;
        /** They are what its holder had lingering: none more is taken. */
        readonly kept?: true;
      }
    | { readonly f: 'freed'; readonly grant: string; readonly code: string }
    /** Seats that were given back stay taken: `count` from now on, 0 no more. */
    | { readonly f: 'lingering'; readonly grant: string; readonly feature: string; readonly count: number }
    /** Seats that were borrowed: `count` from now on, 0 no more. */
    | {
        readonly f: 'lent';
        readonly grant: string;
        readonly feature: string;
        readonly version: string;
        readonly count: number;
      }
    | { readonly f: 'queued'; readonly place: string; readonly feature: string; readonly count: number }
    | { readonly f: 'unqueued'; readonly place: string }
  );

/** The lines of a file, JSON each. */
export function historyText(records: readonly HistoryRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}
