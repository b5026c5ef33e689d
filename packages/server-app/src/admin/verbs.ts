import type { AdminRequest } from '@lic/protocol';
import { z } from 'zod';

/** What a verb came to, as it goes from server to server. */
export const outcomeSchema = z.object({ message: z.string(), result: z.record(z.string(), z.unknown()) });

/** The outcome of a verb: a sentence for people and facts for scripts. */
export type AdminOutcome = z.infer<typeof outcomeSchema>;

/** A verb about a server's own life: answered by that very server, whatever state it is in. */
export type LifeRequest = Extract<AdminRequest, { verb: 'repair' | 'form' | 'recover' }>;

/** A verb of the server in control. */
export type ControlRequest = Exclude<AdminRequest, LifeRequest>;

/** Whether a verb is one of `LifeDesk`. */
export function isLifeRequest(request: AdminRequest): request is LifeRequest {
  return request.verb === 'repair' || request.verb === 'form' || request.verb === 'recover';
}
