import { errorCode, type LogEntry, type LogStore, type SnapshotMeta } from '@lic/interfaces';

/** A command whose bytes tell which entry it is. */
export function entry(index: number, term = 1, dataBytes = 40): LogEntry {
  const data = new Uint8Array(dataBytes).fill((index * 31 + term * 7) & 0xff);
  return { index, term, kind: 'command', data };
}

/** Entries `from` to `to`, both included. */
export function entries(from: number, to: number, term = 1): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term));
}

/** What a snapshot at `index` stands for. */
export function meta(index: number, term = 1): SnapshotMeta {
  return { index, term, config: Uint8Array.of(1, 2, index & 0xff) };
}

/** A snapshot's chunks, handed over one by one. */
export async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    await Promise.resolve();
    yield part;
  }
}

/** All bytes of a snapshot, and its largest chunk. */
export async function collect(
  source: AsyncIterable<Uint8Array>,
): Promise<{ bytes: Uint8Array; chunkBytesMax: number }> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return { bytes, chunkBytesMax: Math.max(0, ...parts.map((part) => part.byteLength)) };
}

/** The code that `promise` rejects with, or `resolved`. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return errorCode(error);
  }
}

/** Entries as plain text, so that a difference is readable: `index@term:kind:length:first byte`. */
export function shape(list: readonly LogEntry[]): string[] {
  return list.map(({ index, term, kind, data }) => `${index}@${term}:${kind}:${data.byteLength}:${data[0] ?? '-'}`);
}

/** Closes `store`, opens `next` on the same data and answers what it holds. */
export async function reopen(store: LogStore, next: LogStore): Promise<Awaited<ReturnType<LogStore['open']>>> {
  await store.close();
  return next.open();
}
