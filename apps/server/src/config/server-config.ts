import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { LedgerSettings } from '@lic/core';
import type { ConsensusTiming } from '@lic/interfaces';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { usageError } from '../usage-error.ts';
import { durationSchema } from './duration.ts';

const addressSchema = z
  .string()
  .regex(
    /^(tcp|tls|ws|wss):\/\/(\[[0-9A-Fa-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/,
    'expected tcp://host:port, tls://, ws:// or wss://',
  );

/** The network's pace: `lan`, `wan` (four times slower), or its numbers. */
const timingSchema = z.union([
  z.enum(['lan', 'wan']),
  z.strictObject({ round: durationSchema, electionTimeoutMin: durationSchema, electionTimeoutMax: durationSchema }),
]);

const tlsSchema = z.strictObject({
  /** Files in PEM. */
  cert: z.string(),
  key: z.string(),
  /** Whom this server trusts when it dials a peer over tls or wss; none: the system's authorities. */
  ca: z.string().optional(),
});

/** What `lic serve -c FILE` reads. Paths are relative to the file. Durations are texts such as `60s`. */
export const serverConfigSchema = z.strictObject({
  license: z.string().describe('the signed license file'),
  vendorKey: z.string().describe("the vendor's public key: its text, or the path of vendor.pub"),
  identity: z.string().describe("this server's identity key, apart from the data folder"),
  data: z.string().describe('the data folder'),
  listen: z.array(addressSchema).min(1).describe('addresses to bind'),
  servers: z
    .array(z.strictObject({ name: z.string(), addresses: z.array(addressSchema).min(1) }))
    .optional()
    .describe('addresses that override those of the license'),
  tls: tlsSchema.optional(),
  profile: timingSchema.default('lan'),
  lease: durationSchema.default(60_000).describe('lease of features that name none'),
  drift: z.number().min(0).max(0.5).default(0.01).describe('bound of clock drift, as a fraction'),
  margin: durationSchema.default(1_000),
  allowShortLeases: z.boolean().default(false).describe('honour leases under 10 s (tests)'),
  failback: z.enum(['auto', 'sticky']).default('auto'),
  failbackAfter: durationSchema.optional().describe('how long a better server must have been well'),
  snapshotEntries: z.int().min(10).optional().describe('log entries between snapshots'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
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
  const isKeyText = /^(ed25519|rsa):/.test(config.vendorKey);
  return {
    ...config,
    license: from(config.license),
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
  const lines = result.error.issues.map((issue) => `  ${describeIssue(issue, value)}`);
  throw usageError(`${path} can't be used:\n${lines.join('\n')}`, 'CONFIG_INVALID');
}

function describeIssue(issue: z.core.$ZodIssue, root: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    const where = issue.path.length === 0 ? '' : ` in ${pathText(issue.path)}`;
    const known = issue.path.length === 0 ? ` Known keys: ${Object.keys(serverConfigSchema.shape).join(', ')}.` : '';
    return `${issue.keys.join(', ')}: unknown key${where}.${known}`;
  }
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], root);
  const got = value === undefined ? 'it is missing' : `got ${JSON.stringify(value)}`;
  return `${pathText(issue.path)}: ${got}; ${issue.message}`;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the file' : path.map(String).join('.');
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
  const { lease, drift, margin, allowShortLeases } = config;
  return { leaseMs: lease, drift, marginMs: margin, allowShortLeases };
}
