import { z } from 'zod';
import { protocolLimits } from './limits.ts';

/** 128 random bits, base64url. */
export const id128Schema = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'expected 22 characters of base64url');
export const nonceSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 43 characters of base64url (32 bytes)');
export const nameSchema = z.string().min(1).max(protocolLimits.nameCharsMax);
const count = z.int().min(1).max(protocolLimits.countMax);
const ms = z.number().min(0);

export const serverStateSchema = z.enum([
  'forming',
  'standby',
  'candidate',
  'in-control',
  'isolated',
  'learner',
  'fenced',
]);

/** Who is in control, as a hint: to be verified like any server. */
export const controlHintSchema = z.object({
  rank: z.int(),
  name: z.string(),
  key: z.string(),
  addresses: z.array(z.string()),
});

export const endReasonSchema = z.enum([
  'checkedIn',
  'reclaimed',
  'disconnected',
  'revoked',
  'removed',
  'idle',
  'expired',
  'sessionEnded',
  'superseded',
  'recovered',
]);

/** A grant as its own client sees it. */
export const grantSchema = z.object({
  id: z.string(),
  feature: z.string(),
  version: z.string(),
  count,
  /** License time, UTC milliseconds. */
  sinceMs: z.number(),
  leaseMs: ms,
  reclaim: z.enum(['lease', 'disconnect']),
  state: z.enum(['active', 'ending']),
  /** Taken in the days of grace: the licensed period is over. */
  inGrace: z.boolean().optional(),
  /** With it more seats were taken than are licensed. */
  overdraft: z.boolean().optional(),
  /** Grants that name the same share have the same seats. */
  share: z.string().optional(),
  /** What the vendor wrote into the license for the product. */
  vendorData: z.string().optional(),
  ending: z.object({ reason: endReasonSchema, note: z.string().optional() }).optional(),
  checkoutSeq: z.int(),
});

/** Borrowed seats as their own client sees them. */
export const borrowedSchema = z.object({
  /** As in reports: `b12`. */
  id: z.string(),
  feature: z.string(),
  version: z.string(),
  count,
  /** License time, UTC milliseconds. */
  sinceMs: z.number(),
  untilMs: z.number(),
});

export const queuePlaceSchema = z.object({
  id: z.string(),
  feature: z.string(),
  count,
  checkoutSeq: z.int(),
  position: z.int(),
  untilMs: z.number(),
});

export const denialSchema = z.object({
  code: z.string(),
  feature: z.string(),
  message: z.string(),
  requested: z.number(),
  count: z.number().optional(),
  overdraft: z.number().optional(),
  inUse: z.number().optional(),
  queued: z.number().optional(),
  holders: z.array(z.object({ user: z.string(), host: z.string(), count: z.number(), sinceMs: z.number() })).optional(),
  leftMs: z.number().optional(),
  versions: z.array(z.string()).optional(),
  supportedUntilMs: z.number().optional(),
  /** What decided: a field of the license, a line of the policy, or a limit or state of the servers; from protocol version 2 on. */
  rule: z.object({ source: z.enum(['license', 'policy', 'server']), where: z.string(), text: z.string() }).optional(),
  /** License time from which on more seats are known to be free. */
  earliestMs: z.number().optional(),
});

/** `lic status --json`, as it is (architecture.md, public surface). */
export const statusReportSchema = z.object({
  quorum: z.boolean(),
  stale: z.boolean(),
  /** ISO time of the data where stale. */
  asOf: z.string().optional(),
  degraded: z.boolean(),
  /** Rank of the server in control, or null. */
  inControl: z.int().nullable(),
  term: z.int(),
  licenseHash: z.string().nullable(),
  licenseTime: z.string().nullable(),
  open: z.boolean(),
  stateHash: z.string().nullable(),
  hashIndex: z.int().nullable(),
  servers: z.array(
    z.object({
      rank: z.int(),
      name: z.string(),
      state: z.union([serverStateSchema, z.literal('unreachable')]),
      /** What it is in the configuration in force: `none` of a server that the license names, but that is not in yet. */
      member: z.enum(['voter', 'learner', 'none']).optional(),
      addresses: z.array(z.string()),
      pid: z.int().optional(),
      version: z.string().optional(),
      lastApplied: z.int().optional(),
      stateHash: z.string().optional(),
      hashIndex: z.int().optional(),
      drained: z.boolean().optional(),
      clockOffsetMs: z.number().optional(),
      clockAlarm: z.boolean().optional(),
      trouble: z.string().optional(),
    }),
  ),
  pools: z.array(
    z.object({
      feature: z.string(),
      version: z.string(),
      count: z.union([z.int(), z.literal('uncounted')]),
      inUse: z.int(),
      free: z.int().nullable(),
      queued: z.int(),
      /** Seats above the count that may be taken, too, and how many of them are. */
      overdraft: z.int().optional(),
      overdrawn: z.int().optional(),
      expiresAt: z.string().optional(),
      /** Where there are days of grace: their end, and whether they run. */
      graceUntil: z.string().optional(),
      inGrace: z.boolean().optional(),
    }),
  ),
  grants: z.array(
    z.object({
      id: z.string(),
      feature: z.string(),
      version: z.string(),
      count: z.int(),
      user: z.string(),
      host: z.string(),
      since: z.string(),
      state: z.enum(['active', 'lingering', 'ending', 'borrowed']),
      /** Lingering: when the seats are free. Borrowed: when the borrow ends. */
      until: z.string().optional(),
      /** Grants that name the same share have the same seats. */
      share: z.string().optional(),
      /** Who holds it, for `lic remove`; only where users and hosts are shown. */
      session: z.string().optional(),
      inGrace: z.boolean().optional(),
      overdraft: z.boolean().optional(),
    }),
  ),
  /** Whether `grants` was cut at the server's limit. */
  grantsCut: z.boolean(),
  sessions: z.int(),
  /** Warnings for the administrator: a file on disk that is not the license in force, clock alarms, a lost stand-by. */
  notices: z.array(z.string()),
});

export type ServerState = z.infer<typeof serverStateSchema>;
export type ControlHint = z.infer<typeof controlHintSchema>;
export type WireGrant = z.infer<typeof grantSchema>;
export type WireBorrow = z.infer<typeof borrowedSchema>;
export type WireQueuePlace = z.infer<typeof queuePlaceSchema>;
export type WireDenial = z.infer<typeof denialSchema>;
export type StatusReport = z.infer<typeof statusReportSchema>;
