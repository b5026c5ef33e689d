import { serverStateSchema } from '@lic/protocol';
import { z } from 'zod';

/** What a server says of itself to the one that makes a report. A newer server may say more. */
export const serverFactsSchema = z.object({
  state: serverStateSchema,
  pid: z.int().nullable(),
  version: z.string().nullable(),
  lastApplied: z.int(),
  stateHash: z.string(),
  /** Hashes at earlier indexes, oldest first. */
  hashNotes: z.array(z.object({ index: z.int(), hash: z.string() })).readonly(),
  clockAlarm: z.boolean(),
  trouble: z.string().nullable(),
  /** Sentences for the administrator. */
  notices: z.array(z.string()).readonly(),
  /** The highest ledger version that it knows. A server that does not say knows no other than it was made with. */
  ledgerVersionMax: z.int().optional(),
});

export type ServerFacts = z.infer<typeof serverFactsSchema>;
