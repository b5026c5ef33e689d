import { borrowBugs } from './bugs/borrow-bugs.ts';
import { electionBugs } from './bugs/election-bugs.ts';
import { ledgerBugs } from './bugs/ledger-bugs.ts';
import { policyBugs } from './bugs/policy-bugs.ts';
import { replicationBugs } from './bugs/replication-bugs.ts';
import { sessionBugs } from './bugs/session-bugs.ts';
import { storageBugs } from './bugs/storage-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';

/** What the simulator must find. Where a source has changed so that a patch does not fit any more, the patch is to follow. */
export const plantedBugs: readonly PlantedBug[] = [
  ...electionBugs,
  ...replicationBugs,
  ...storageBugs,
  ...sessionBugs,
  ...ledgerBugs,
  ...borrowBugs,
  ...policyBugs,
];
