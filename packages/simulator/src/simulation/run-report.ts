import type { Violation } from '../checks/violation.ts';
import type { DeedKind, FaultKind } from '../faults/fault-kinds.ts';
import type { HistoryRecord } from '../history/history-record.ts';
import type { RarePath } from '../rare-paths/rare-paths.ts';
import type { Schedule } from './schedule.ts';
import type { Trace } from './trace.ts';

/** What a run came to. */
export interface RunReport {
  readonly schedule: Schedule;
  /** Undefined: every promise was kept. */
  readonly violation: Violation | undefined;
  /** Events of the virtual world. */
  readonly events: number;
  readonly virtualMs: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly deeds: ReadonlyMap<DeedKind, number>;
  readonly rarePaths: ReadonlyMap<RarePath, number>;
  /** Entries of the log, terms with somebody in control, and grants. */
  readonly entries: number;
  readonly terms: number;
  readonly grants: number;
  /** Moments at which control was owed and looked for. */
  readonly judged: number;
  readonly trace: Trace;
}

/** What may be said about a run. */
export interface SimulationOptions {
  /** Called at the end with all that clients asked, were told and believed. */
  readonly onHistory?: (records: readonly HistoryRecord[]) => void;
}
