import { absentIncarnation, errorMessage, LicError, type LogStore, type Runtime } from '@lic/interfaces';
import { z } from 'zod';

const formationSchema = z.strictObject({
  instance: z.string().min(1).max(64),
  members: z
    .array(z.strictObject({ id: z.string().min(1).max(128), incarnation: z.string().min(1).max(64) }))
    .min(1)
    .max(9),
});

/** The agreed beginning of a triad: the formation, and what its first log entry is to say. */
export const formedSchema = z.strictObject({
  formation: formationSchema,
  licenseHash: z.string().min(1).max(128),
  /** All servers were started `--new`. */
  isNew: z.boolean(),
});
export type FormedRecord = z.infer<typeof formedSchema>;

/** What every format has had. */
const fields = {
  /** Random, drawn when the folder was made or found damaged. */
  incarnation: z.string().min(1).max(64),
  /** An offer that was stored but not confirmed: the folder still counts as empty. */
  offer: formedSchema.optional(),
  formed: formedSchema.optional(),
};
const formats = {
  1: z.strictObject({ format: z.literal(1), ...fields }),
  2: z.strictObject({
    format: z.literal(2),
    ...fields,
    /** With an offer that leaves a server out: whose it is. Only that server may take it back. */
    offeredBy: z.string().min(1).max(128).optional(),
    /** An operator's `lic recover` is not through: this server goes on alone, whatever its log says. */
    recovering: z.literal(true).optional(),
  }),
} as const;

/** What a data folder says of its triad: the store's owner record (JSON), whatever format it was read from. */
export type FolderRecord = Omit<z.infer<(typeof formats)[2]>, 'format'>;

/**
 * Reads an owner record. Throws `FOLDER_FORMAT_UNKNOWN` for one of another format (a newer product's), and
 * `FOLDER_RECORD_INVALID` for bytes that are none.
 */
export function decodeFolder(bytes: Uint8Array): FolderRecord {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(errorMessage(cause), cause);
  }
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (format !== undefined && format !== 1 && format !== 2) {
    throw new LicError(
      'FOLDER_FORMAT_UNKNOWN',
      `The data folder was written in format ${JSON.stringify(format)}; this version knows formats 1 and 2. Start the version that wrote it.`,
      { details: { format } },
    );
  }
  const parsed = formats[format ?? 1].safeParse(value);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error), parsed.error);
  const { format: _, ...record } = parsed.data;
  return record;
}

/** The bytes of a record, in the oldest format that can say it: an older version reads what it understands. */
export function encodeFolder(record: FolderRecord): Uint8Array {
  const format = record.offeredBy === undefined && record.recovering === undefined ? 1 : 2;
  return new TextEncoder().encode(JSON.stringify({ format, ...record }));
}

/** Whether an offer leaves a server out: one that was not there when two of three were to form (`lic form`). */
export function isPartial(offer: FormedRecord | undefined): boolean {
  return offer?.formation.members.some(({ incarnation }) => incarnation === absentIncarnation) ?? false;
}

/** What the open store's folder says of its triad; undefined for an empty one. Throws as {@link decodeFolder}. */
export async function readFolder(store: LogStore): Promise<FolderRecord | undefined> {
  const bytes = await store.readOwner();
  return bytes === undefined ? undefined : decodeFolder(bytes);
}

/** Whether both are the very same beginning. */
export function isSameFormed(one: FormedRecord | undefined, other: FormedRecord | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return (
    one.formation.instance === other.formation.instance &&
    one.licenseHash === other.licenseHash &&
    one.isNew === other.isNew &&
    one.formation.members.length === other.formation.members.length &&
    one.formation.members.every(({ id, incarnation }, at) => {
      const member = other.formation.members[at];
      return member?.id === id && member.incarnation === incarnation;
    })
  );
}

/** A random id of 22 characters of base64url: an incarnation, or a triad instance. */
export function drawId(runtime: Runtime): string {
  return Buffer.from(runtime.random(16)).toString('base64url');
}

function invalid(why: string, cause: unknown): LicError {
  return new LicError(
    'FOLDER_RECORD_INVALID',
    `The data folder's record of its triad can't be read: ${why}. Empty the folder and start again: it is refilled from the other servers.`,
    { cause },
  );
}
