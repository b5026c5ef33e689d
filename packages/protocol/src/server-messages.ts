import { z } from 'zod';
import { protocolLimits } from './limits.ts';
import {
  borrowedSchema,
  controlHintSchema,
  denialSchema,
  endReasonSchema,
  grantSchema,
  nonceSchema,
  queuePlaceSchema,
  serverStateSchema,
  statusReportSchema,
} from './values.ts';

const id = z.int().min(1);

/**
 * The first message of a server. `signature` is the identity key's over `welcomeText(welcome)`: the canonical form of all
 * other fields with the client's nonce. The client checks that `server.key` stands in a license that the vendor's key signed.
 */
export const welcomeSchema = z.object({
  t: z.literal('welcome'),
  protocol: z.int().min(1),
  /** The client's nonce, repeated. */
  nonce: nonceSchema,
  server: z.object({ key: z.string(), name: z.string(), rank: z.int() }),
  /** The triad instance, or null while forming. */
  instance: z.string().nullable(),
  bootId: z.string(),
  licenseHash: z.string().nullable(),
  /** The licenses in force (while forming: the file's), several one behind the other; left out where the client named this hash. */
  license: z.string().max(protocolLimits.messageBytesMax).optional(),
  state: serverStateSchema,
  term: z.int(),
  /** Who is in control as far as it knows. */
  control: controlHintSchema.nullable(),
  /** All servers with the addresses that clients may dial. */
  servers: z.array(controlHintSchema),
  settings: z.object({
    /** A request unanswered for so long goes again through the others. */
    repeatAfterMs: z.number(),
    /** Default lease, for sessions without grants. */
    leaseMs: z.number(),
  }),
  signature: z.string(),
});

/** Control was gained, lost or moved; told to every client of every server. */
export const controlMessageSchema = z.object({
  t: z.literal('control'),
  state: serverStateSchema,
  term: z.int(),
  control: controlHintSchema.nullable(),
});

/** Control is about to move on purpose: finish what is under way, then go to `to`. */
export const movingSchema = z.object({ t: z.literal('moving'), to: controlHintSchema.nullable(), reason: z.string() });

/** The answer to a heartbeat: a quorum's word. It echoes number and epoch; `ending` lists grants that do not hold any more. */
export const heartbeatAnswerSchema = z.object({
  t: z.literal('heartbeatAnswer'),
  number: z.int(),
  epoch: z.int(),
  /** The session's shortest lease, ms. */
  leaseMs: z.number(),
  ending: z.array(z.object({ grant: z.string(), reason: endReasonSchema, note: z.string().optional() })),
});

/** A heartbeat that extends nothing: `RESUME` (unbound here), `SUPERSEDED`, `ENDED`, `NOT_IN_CONTROL`, `NO_QUORUM`. */
export const heartbeatRefusedSchema = z.object({
  t: z.literal('heartbeatRefused'),
  number: z.int(),
  code: z.enum(['RESUME', 'SUPERSEDED', 'ENDED', 'NOT_IN_CONTROL', 'NO_QUORUM']),
  reason: endReasonSchema.optional(),
  control: controlHintSchema.nullable().optional(),
});

const epoch = z.int();
/**
 * A checkout's outcome; `seq` is the checkout's. Without `id` it comes unasked, on the bound connection: a queued checkout
 * was granted, or gave its place up.
 */
export const grantedSchema = z.object({
  t: z.literal('granted'),
  id: id.optional(),
  seq: z.int(),
  epoch,
  grant: grantSchema,
  /** The others of a checkout of several features; a repeat has those that still stand. */
  more: z.array(grantSchema).optional(),
});
export const queuedSchema = z.object({ t: z.literal('queued'), id, seq: z.int(), epoch, place: queuePlaceSchema });
export const deniedSchema = z.object({
  t: z.literal('denied'),
  id: id.optional(),
  seq: z.int(),
  epoch,
  denial: denialSchema,
});
export const doneSchema = z.object({ t: z.literal('done'), id, seq: z.int(), epoch });
/** The seats are borrowed. The token (see `BorrowToken` in @lic/core) proves it off line. */
export const borrowedMessageSchema = z.object({
  t: z.literal('borrowed'),
  id,
  seq: z.int(),
  epoch,
  borrow: borrowedSchema,
  token: z.string(),
});
/** Nothing is borrowed under the id any more. */
export const returnedSchema = z.object({ t: z.literal('returned'), id });
/** The servers have the borrow, or it is over. */
export const presentedSchema = z.object({ t: z.literal('presented'), id });
export const resumedSchema = z.object({
  t: z.literal('resumed'),
  id,
  epoch,
  grants: z.array(grantSchema),
  queue: z.array(queuePlaceSchema),
  ended: z.array(z.object({ grant: z.string(), reason: endReasonSchema })),
});

/** Notice on the bound connection: these grants are ending (revoke): stop, then acknowledge. */
export const endingSchema = z.object({
  t: z.literal('ending'),
  grants: z.array(z.object({ grant: z.string(), reason: endReasonSchema, note: z.string().optional() })),
});
/** Notice on the bound connection: these grants have ended (reclaimed, expired). */
export const endedSchema = z.object({
  t: z.literal('ended'),
  grants: z.array(z.object({ grant: z.string(), reason: endReasonSchema, note: z.string().optional() })),
});

/** A request was not carried out. `id` is missing where the message could not be read. Codes: `errorCodes`. */
export const errorSchema = z.object({
  t: z.literal('error'),
  id: id.optional(),
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  /** With `ENDED`: why. */
  reason: endReasonSchema.optional(),
  /** With `NOT_IN_CONTROL`: where control is, if known. */
  control: controlHintSchema.nullable().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});

export const statusAnswerSchema = z.object({ t: z.literal('statusAnswer'), id, report: statusReportSchema });
/** The outcome of an administrative verb; `result` depends on the verb, `message` is for people. */
export const adminAnswerSchema = z.object({
  t: z.literal('adminAnswer'),
  id,
  message: z.string(),
  result: z.record(z.string(), z.unknown()),
});

/** Everything that a server may send. Unknown keys are ignored: a newer server may add some. */
export const serverMessageSchema = z.discriminatedUnion('t', [
  welcomeSchema,
  controlMessageSchema,
  movingSchema,
  heartbeatAnswerSchema,
  heartbeatRefusedSchema,
  grantedSchema,
  queuedSchema,
  deniedSchema,
  doneSchema,
  borrowedMessageSchema,
  returnedSchema,
  presentedSchema,
  resumedSchema,
  endingSchema,
  endedSchema,
  errorSchema,
  statusAnswerSchema,
  adminAnswerSchema,
]);

export type ServerMessage = z.infer<typeof serverMessageSchema>;
export type WelcomeMessage = z.infer<typeof welcomeSchema>;
export type ErrorMessage = z.infer<typeof errorSchema>;
