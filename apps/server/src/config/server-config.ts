import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type LedgerSettings, ledgerLimits } from '@lic/core';
import type { ConsensusTiming } from '@lic/interfaces';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { usageError } from '../usage-error.ts';
import { addressExpected, isBindable, isDialable } from './address.ts';
import { durationSchema } from './duration.ts';

const bindSchema = z.string().refine(isBindable, addressExpected);
const dialSchema = z.string().refine(isDialable, addressExpected);

/** Longest lease, ms: a day (triad.md, Time). Other durations are bounded by what a timer can wait for, ms. */
const leaseMsMax = 86_400_000;
const timerMsMax = 2 ** 31 - 1;

/** The network's pace: `lan`, `wan` (four times slower), or its numbers. */
const timingSchema = z.union(
  [
    z.enum(['lan', 'wan']),
    z
      .strictObject({
        round: durationSchema(timerMsMax),
        electionTimeoutMin: durationSchema(timerMsMax),
        electionTimeoutMax: durationSchema(timerMsMax),
      })
      .refine(
        ({ round, electionTimeoutMin: min, electionTimeoutMax: max }) => 2 * round <= min && min < max,
        'expected 2 × round ≤ electionTimeoutMin < electionTimeoutMax',
      ),
  ],
  { error: 'expected lan, wan, or an object with round, electionTimeoutMin and electionTimeoutMax' },
);

const tlsSchema = z.strictObject({
  cert: z.string().describe("this server's certificate, PEM"),
  key: z.string().describe("its certificate's private key, PEM"),
  ca: z.string().optional().describe('who may sign the certificates of peers, PEM'),
});

const serverSchema = z.strictObject({
  name: z.string().describe('as in the license'),
  addresses: z.array(dialSchema).min(1).describe('what peers and clients dial'),
});

/** The files of all licenses that are in force together. */
const licenseSchema = z.union(
  [
    z.string().transform((path) => [path]),
    z
      .array(z.string())
      .min(1)
      .max(ledgerLimits.otherLicensesMax + 1)
      .refine((paths) => new Set(paths).size === paths.length, 'expected each file once'),
  ],
  { error: 'expected a path, or a list of paths' },
);

/** What `lic serve -c FILE` reads. Paths are relative to the file. Durations are texts such as `60s`. */
export const serverConfigSchema = z
  .strictObject({
    license: licenseSchema.describe('the signed license file, or several'),
    vendorKey: z.string().describe("the vendor's public key: its text, or the path of vendor.pub"),
    identity: z.string().describe("the file of this server's identity key, apart from the data folder"),
    data: z.string().describe('the data folder'),
    listen: z.array(bindSchema).min(1).describe('addresses to bind'),
    servers: z.array(serverSchema).optional().describe('addresses that override those of the license'),
    tls: tlsSchema.optional().describe('for tls and wss addresses'),
    profile: timingSchema.default('lan').describe("the network's pace"),
    lease: durationSchema(leaseMsMax).default(60_000).describe('lease of features that name none'),
    drift: z.number().min(0).max(0.5).default(0.01).describe('bound of clock drift, as a fraction'),
    margin: durationSchema(leaseMsMax).default(1_000).describe('added to every hold'),
    borrowMargin: durationSchema(leaseMsMax)
      .default(ledgerLimits.borrowMarginMs)
      .describe('how long after its end a borrowed seat stays taken'),
    allowShortLeases: z.boolean().default(false).describe('honour leases under 10 s (tests)'),
    failback: z.enum(['auto', 'sticky']).default('auto').describe('whether control goes back to the best rank'),
    failbackAfter: durationSchema(timerMsMax).optional().describe('how long a better server must have been well'),
    snapshotEntries: z.int().min(10).optional().describe('log entries between snapshots'),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('least level that is logged'),
  })
  .superRefine(({ listen, tls }, context) => {
    for (const [at, address] of listen.entries()) {
      if (tls === undefined && /^(tls|wss):/i.test(address))
        context.addIssue({
          code: 'custom',
          path: ['listen', at],
          message: 'expected tcp:// or ws://, as `tls` is not set',
        });
      if (listen.indexOf(address) !== at)
        context.addIssue({ code: 'custom', path: ['listen', at], message: 'expected each address once' });
    }
  });

/** As it is written in the file: before durations were read and defaults filled in. */
export type ServerConfigFile = z.input<typeof serverConfigSchema>;
/** Checked, with absolute paths. */
export type ServerConfig = z.output<typeof serverConfigSchema>;

/** Reads a configuration in YAML or JSON. Throws `CONFIG_INVALID` naming the key, the value and what was expected. */
export async function readServerConfig(path: string): Promise<ServerConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`The configuration ${path} can't be read: ${(error as Error).message}`, 'CONFIG_INVALID');
  }
  const config = parseServerConfig(text, path);
  const from = (file: string): string => resolve(dirname(path), file);
  const isKeyText = /^(ed25519:|rsa:|-----BEGIN)/.test(config.vendorKey);
  return {
    ...config,
    license: config.license.map(from),
    vendorKey: isKeyText ? config.vendorKey : from(config.vendorKey),
    identity: from(config.identity),
    data: from(config.data),
    ...(config.tls === undefined
      ? {}
      : {
          tls: {
            cert: from(config.tls.cert),
            key: from(config.tls.key),
            ...(config.tls.ca === undefined ? {} : { ca: from(config.tls.ca) }),
          },
        }),
  };
}

/** Checks a configuration's text; `path` is for the error. */
export function parseServerConfig(text: string, path: string): ServerConfig {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw usageError(`${path} is not YAML: ${error.message}`, 'CONFIG_INVALID');
  }
  const result = serverConfigSchema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap(innerIssues).flatMap((issue) => describeIssue(issue, value));
  throw usageError(`${path} can't be used:\n${lines.map((line) => `  ${line}`).join('\n')}`, 'CONFIG_INVALID');
}

type Issue = z.core.$ZodIssue;

/** Of the ways that a value could have been written, the one that it was meant as: an object is no choice of a word. */
function innerIssues(issue: Issue): readonly Issue[] {
  if (issue.code !== 'invalid_union' || typeof issue.input !== 'object') return [issue];
  const meant = issue.errors.at(-1) ?? [];
  return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** `key: got value; expected what`. */
function describeIssue(issue: Issue, root: unknown): readonly string[] {
  if (issue.code === 'unrecognized_keys') {
    const parent = at(root, issue.path);
    const known = Object.keys(shapeAt(serverConfigSchema, issue.path)).join(', ');
    return issue.keys.map(
      (key) =>
        `${pathText([...issue.path, key])}: unknown key, got ${excerpt(at(parent, [key]))}; expected one of ${known}`,
    );
  }
  const value = at(root, issue.path);
  const wanted = issue.message.replace(/^[^:]+: (?=expected )/, '').replace(/, received .*$/, '');
  const meaning = describedAs(issue.path);
  return [`${pathText(issue.path)}: ${value === undefined ? 'missing' : `got ${excerpt(value)}`}; ${wanted}${meaning}`];
}

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (outer, key) => (outer as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key],
    value,
  );

const excerptCharsMax = 100;

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > excerptCharsMax ? `${text.slice(0, excerptCharsMax)}…` : text;
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

/** What a key means, for the person who left it out or wrote something else. */
function describedAs(path: readonly PropertyKey[]): string {
  const [last] = path.slice(-1);
  if (typeof last !== 'string') return '';
  const part = shapeAt(serverConfigSchema, path.slice(0, -1))[last];
  return part?.description === undefined ? '' : ` (${part.description})`;
}

type Shape = Readonly<Record<string, z.ZodType | undefined>>;

/** The keys that an object within a schema may have; none where it is no object. */
function shapeAt(schema: unknown, path: readonly PropertyKey[]): Shape {
  const inner = path.reduce<unknown>((outer, key) => {
    const bare = unwrap(outer);
    return bare instanceof z.ZodArray
      ? bare.element
      : bare instanceof z.ZodObject
        ? bare.shape[String(key)]
        : undefined;
  }, schema);
  const bare = unwrap(inner);
  return bare instanceof z.ZodObject ? bare.shape : {};
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap());
  return schema instanceof z.ZodUnion ? unwrap(schema.options.at(-1)) : schema;
}

const lan: ConsensusTiming = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 };

/** The pace that a configuration asks for (triad.md, Failover). */
export function timingOf(profile: ServerConfig['profile']): ConsensusTiming {
  if (profile === 'lan') return lan;
  if (profile === 'wan') return { roundMs: 400, electionTimeoutMinMs: 2_000, electionTimeoutMaxMs: 4_000 };
  return {
    roundMs: profile.round,
    electionTimeoutMinMs: profile.electionTimeoutMin,
    electionTimeoutMaxMs: profile.electionTimeoutMax,
  };
}

/** The replicated settings that a configuration seeds. */
export function settingsOf(config: ServerConfig): LedgerSettings {
  const { lease, drift, margin, allowShortLeases, borrowMargin } = config;
  return { leaseMs: lease, drift, marginMs: margin, allowShortLeases, borrowMarginMs: borrowMargin };
}
