import type { Formation } from '@lic/interfaces';

/** What a data folder says of its triad: the store's owner record (JSON). */
export interface FolderRecord {
  readonly format: 1;
  /** Random, drawn when the folder was made. */
  readonly incarnation: string;
  /** An offer that was stored but not confirmed: the folder still counts as empty. */
  readonly offer?: FormedRecord;
  readonly formed?: FormedRecord;
}

/** The agreed beginning of a triad. */
export interface FormedRecord {
  readonly formation: Formation;
  readonly licenseHash: string;
  /** All servers were started `--new`. */
  readonly isNew: boolean;
}
