import type { BrokenPromise } from '../checks/violation.ts';
import type { HistoryRecord } from './history-record.ts';
import { linearize } from './linearizability.ts';
import { poolOperations } from './pool-operations.ts';

/** What is wrong with a history, if anything. */
export interface HistoryVerdict {
  readonly broken: { readonly promise: BrokenPromise; readonly message: string } | undefined;
  /** Features whose histories have too many orders to be searched. */
  readonly undecided: readonly string[];
}

/** A run's history has an order within far fewer. */
const stepsMax = 200_000;
/** Of the illegal window so many records are shown. */
const shownMax = 40;

/** Whether the clients' history can be explained by one pool of seats for each feature, used by one call after the other. */
export function checkHistory(records: readonly HistoryRecord[]): HistoryVerdict {
  const { pools, problems } = poolOperations(records);
  const [problem] = problems;
  if (problem !== undefined) {
    const { promise, message, index } = problem;
    return { broken: { promise, message: `${message} (record ${index} of the history)` }, undecided: [] };
  }
  const undecided: string[] = [];
  for (const [feature, operations] of pools) {
    const verdict = linearize(operations, { stepsMax });
    if (verdict.kind === 'undecided') undecided.push(feature);
    if (verdict.kind !== 'illegal') continue;
    const { stuck, open } = verdict;
    const from = Math.min(...open.map((operation) => operation.from));
    const window = records.filter((record) => record.index >= from && record.index <= stuck.until);
    const ofFeature = window.filter((record) => isAbout(record, feature, grantsOf(records, feature)));
    const lines = ofFeature.slice(-shownMax).map((record) => JSON.stringify(record));
    const message = `no order of the calls explains ${stuck.kind} (${stuck.text}) of ${feature}:\n${lines.join('\n')}`;
    return { broken: { promise: 'history', message }, undecided };
  }
  return { broken: undefined, undecided };
}

function grantsOf(records: readonly HistoryRecord[], feature: string): ReadonlySet<string> {
  const grants = new Set<string>();
  for (const record of records)
    if ('feature' in record && record.feature === feature && 'grant' in record && record.grant !== undefined)
      grants.add(record.grant);
  return grants;
}

function isAbout(record: HistoryRecord, feature: string, grants: ReadonlySet<string>): boolean {
  if ('feature' in record) return record.feature === feature;
  return 'grant' in record && grants.has(record.grant);
}
