import { releaseSchema } from '@lic/core';
import { z } from 'zod';
import { protocolLimits } from './limits.ts';
import { id128Schema, nameSchema, nonceSchema } from './values.ts';

/** Every request carries an `id` that its answer repeats; the client never uses one twice on a connection. */
const id = z.int().min(1);
/** What makes a session's request safe to repeat (triad.md, I5): see `SessionRequest` in @lic/core. */
const sessionRequest = {
  id,
  session: id128Schema,
  seq: z.int().min(1),
  awaited: z.int().min(1),
  attempt: z.int().min(1),
  epoch: z.int().min(0),
};
const secret = nonceSchema;

/** The first message of a client. Unknown keys are ignored: versions are not negotiated yet. */
export const helloSchema = z.object({
  t: z.literal('hello'),
  protocol: z.object({ min: z.int().min(1), max: z.int().min(1) }),
  /** Drawn anew for each connection; the server's identity key signs it. */
  nonce: nonceSchema,
  /** The client library and its version, for the log. */
  agent: nameSchema,
  /** Hash of the license that the client has verified before: the server then leaves the text out where it has the same. */
  licenseHash: z.string().max(64).optional(),
});

/** With seq 1 only: begins the session. */
const opening = z
  .strictObject({
    secret,
    user: nameSchema,
    host: nameSchema,
    /** What the client works for and is, for rules of the policy; from protocol version 2 on. */
    project: nameSchema.optional(),
    product: nameSchema.optional(),
  })
  .optional();
const count = z.int().min(1).max(protocolLimits.countMax);
/** What is asked for of one feature. */
const checkoutItem = {
  feature: nameSchema,
  version: nameSchema.optional(),
  /** When the product was released, from protocol version 2 on. */
  releasedAt: releaseSchema.optional(),
  /** What seats may be shared by, besides user and host; from protocol version 2 on. */
  display: nameSchema.optional(),
  shareKey: nameSchema.optional(),
  count,
  /** The fewest seats that will do; from protocol version 2 on. */
  countMin: count.optional(),
};

const moreItems = z.array(z.strictObject(checkoutItem)).min(1).max(protocolLimits.moreFeaturesMax);

/** It takes as many sequence numbers as it names features, from `seq` on. */
export const checkoutSchema = z.strictObject({
  t: z.literal('checkout'),
  ...sessionRequest,
  ...checkoutItem,
  opening,
  /** Other features, all or nothing, none twice and without `waitMs`; from protocol version 2 on. */
  more: moreItems.optional(),
  waitMs: z.number().min(0).max(protocolLimits.waitMsMax).optional(),
});

/** Seats until a time, for which no server need be reached (triad.md, Borrow); from protocol version 2 on. Answered `borrowed` or `denied`. */
export const borrowSchema = z.strictObject({
  t: z.literal('borrow'),
  ...sessionRequest,
  opening,
  /** Drawn by the client: whoever knows it may return the borrow, and it is never borrowed twice. */
  borrow: id128Schema,
  feature: nameSchema,
  version: nameSchema.optional(),
  releasedAt: releaseSchema.optional(),
  display: nameSchema.optional(),
  count,
  /** How long, ms, or until when: UTC milliseconds. */
  ends: z.union([
    z.strictObject({ inMs: z.number().min(1).max(protocolLimits.borrowMsMax) }),
    z.strictObject({ atMs: z.number().min(1).max(Number.MAX_SAFE_INTEGER) }),
  ]),
});

/** Gives borrowed seats back before their end, in no session; `returned` also where nothing is borrowed under this id. From protocol version 2 on. */
export const returnSchema = z.strictObject({ t: z.literal('return'), id, borrow: id128Schema });

/** Shows a borrow token to servers that may have lost the borrow when they were recovered; answered `presented`. From protocol version 2 on. */
export const presentSchema = z.strictObject({
  t: z.literal('present'),
  id,
  token: z.string().max(protocolLimits.messageBytesMax),
});

export const cancelSchema = z.strictObject({ t: z.literal('cancel'), ...sessionRequest, checkoutSeq: z.int().min(1) });
export const checkinSchema = z.strictObject({ t: z.literal('checkin'), ...sessionRequest, grant: nameSchema });
export const acknowledgeSchema = z.strictObject({
  t: z.literal('acknowledge'),
  ...sessionRequest,
  grants: z.array(nameSchema).min(1).max(protocolLimits.grantsMax),
});
export const goodbyeSchema = z.strictObject({ t: z.literal('goodbye'), ...sessionRequest });

export const resumeSchema = z.strictObject({
  t: z.literal('resume'),
  id,
  session: id128Schema,
  secret,
  /** The epoch that the client knows. */
  epoch: z.int().min(0),
  /** The same for all repeats of one resume. */
  request: id128Schema,
  attempt: z.int().min(1),
});

export const heartbeatSchema = z.strictObject({
  t: z.literal('heartbeat'),
  session: id128Schema,
  epoch: z.int().min(1),
  /** Rising; the answer echoes it. */
  number: z.int().min(1),
  /** How long grants have been idle, where the product reports activity; from protocol version 2 on. */
  idle: z
    .array(z.strictObject({ grant: nameSchema, ms: z.number().min(0) }))
    .max(protocolLimits.grantsMax)
    .optional(),
});

export const statusSchema = z.strictObject({
  t: z.literal('status'),
  id,
  /** With the server's admin token users and hosts are not masked. */
  token: nameSchema.optional(),
});

const policyText = z.string().max(protocolLimits.policyCharsMax);

/** Administrative verbs; each needs the token of the server that is asked. */
export const adminSchema = z.strictObject({
  t: z.literal('admin'),
  id,
  token: nameSchema,
  request: z.discriminatedUnion('verb', [
    z.strictObject({ verb: z.literal('drain'), server: nameSchema.optional() }),
    z.strictObject({ verb: z.literal('undrain'), server: nameSchema.optional() }),
    /** Hand control over; without `to`: to the best other one. */
    z.strictObject({ verb: z.literal('transfer'), to: nameSchema.optional() }),
    /**
     * Load licenses, the text of several one behind the other; without it, the file that the asked server has configured. They take the place of
     * all in force. `dryRun`: every server verifies them, and the answer says what would change.
     */
    z.strictObject({
      verb: z.literal('reload'),
      license: z.string().max(protocolLimits.messageBytesMax).optional(),
      dryRun: z.boolean().optional(),
    }),
    z.strictObject({
      verb: z.literal('revoke'),
      grants: z.array(nameSchema).min(1).max(protocolLimits.grantsMax),
      reason: z.string().min(1).max(256),
    }),
    /** What a policy would change, and who would be denied now: a dry run. */
    z.strictObject({ verb: z.literal('policyCheck'), text: policyText }),
    /** Checked as in the dry run, then in force on all servers at once. */
    z.strictObject({ verb: z.literal('policyApply'), text: policyText }),
    z.strictObject({ verb: z.literal('policyShow') }),
    z.strictObject({
      verb: z.literal('policyExplain'),
      user: nameSchema,
      feature: nameSchema,
      host: nameSchema.optional(),
      display: nameSchema.optional(),
      address: nameSchema.optional(),
      project: nameSchema.optional(),
      product: nameSchema.optional(),
    }),
    /** End all grants of a dead holder: of a session, or of a user on a host. */
    z.strictObject({
      verb: z.literal('remove'),
      holder: z.union([
        z.strictObject({ session: id128Schema }),
        z.strictObject({ user: nameSchema, host: nameSchema.optional() }),
        z.strictObject({ host: nameSchema }),
      ]),
      reason: z.string().min(1).max(256),
    }),
    /** What a checkout by a client that holds nothing yet would come to now; nothing is taken. */
    z.strictObject({
      verb: z.literal('explain'),
      ...checkoutItem,
      more: moreItems.optional(),
      user: nameSchema,
      host: nameSchema,
      project: nameSchema.optional(),
      product: nameSchema.optional(),
      /** From where it would come. */
      address: nameSchema.optional(),
    }),
    /** Give back a borrow whose client can't: by the id in reports (`b12`). The client goes on to its end, since nobody can tell it. */
    z.strictObject({ verb: z.literal('return'), borrow: nameSchema }),
    z.strictObject({ verb: z.literal('time') }),
    z.strictObject({ verb: z.literal('timeAccept') }),
    /** Refill a server whose disk is damaged, was rolled back or has failed; without `server`: the asked one. */
    z.strictObject({ verb: z.literal('repair'), server: nameSchema.optional() }),
    /** Form with two of three servers: the asked one and the other that it reaches. */
    z.strictObject({ verb: z.literal('form') }),
    /**
     * The others are gone for good: the server (default: the asked one) goes on alone. With `keep` nothing is recovered: of two
     * processes under one identity it names the one that goes on, by its boot id, or `true`: the asked one.
     */
    z.strictObject({
      verb: z.literal('recover'),
      server: nameSchema.optional(),
      keep: z.union([z.literal(true), id128Schema]).optional(),
    }),
  ]),
});

/** Everything that a client may send. */
export const clientMessageSchema = z.discriminatedUnion('t', [
  helloSchema,
  checkoutSchema,
  cancelSchema,
  checkinSchema,
  acknowledgeSchema,
  goodbyeSchema,
  borrowSchema,
  returnSchema,
  presentSchema,
  resumeSchema,
  heartbeatSchema,
  statusSchema,
  adminSchema,
]);

export type ClientMessage = z.infer<typeof clientMessageSchema>;
export type HelloMessage = z.infer<typeof helloSchema>;
export type CheckoutMessage = z.infer<typeof checkoutSchema>;
export type BorrowMessage = z.infer<typeof borrowSchema>;
export type ResumeMessage = z.infer<typeof resumeSchema>;
export type AdminMessage = z.infer<typeof adminSchema>;
export type AdminRequest = AdminMessage['request'];
/** Requests of a session that go through the log and are safe to repeat. */
export type SessionMessage = Extract<ClientMessage, { seq: number }>;
