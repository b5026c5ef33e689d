import type { CloseReason, Connection, Frame } from '@lic/interfaces';

/** Notes all that happens to one connection, and lets a test wait for it. */
export interface Recorder {
  readonly connection: Connection;
  readonly frames: readonly Frame[];
  /** Every close event that came. More than one is a broken promise. */
  readonly reasons: readonly CloseReason[];
  /** Frames that came after the close event: a broken promise. */
  readonly lateFrames: number;
  /** Resolves once so many frames are there, with all of them. */
  received(count: number): Promise<readonly Frame[]>;
  /** Resolves at the close event. */
  readonly ended: Promise<CloseReason>;
  /** Sets the receiver, where {@link record} was asked not to. */
  listen(): void;
}

/** Records `connection`. With `isDeaf` no receiver is set until `listen`. */
export function record(connection: Connection, { isDeaf = false } = {}): Recorder {
  const frames: Frame[] = [];
  const reasons: CloseReason[] = [];
  let waiting: { readonly count: number; readonly resolve: (frames: readonly Frame[]) => void }[] = [];
  let lateFrames = 0;
  let end: (reason: CloseReason) => void = () => {};
  const ended = new Promise<CloseReason>((resolve) => {
    end = resolve;
  });
  connection.onClose((reason) => {
    reasons.push(reason);
    end(reason);
  });
  const listen = (): void =>
    connection.onFrame((frame) => {
      frames.push(frame);
      if (reasons.length > 0) lateFrames++;
      for (const { count, resolve } of waiting) if (frames.length >= count) resolve(frames);
      waiting = waiting.filter(({ count }) => frames.length < count);
    });
  if (!isDeaf) listen();
  return {
    connection,
    frames,
    reasons,
    get lateFrames() {
      return lateFrames;
    },
    ended,
    listen,
    received: (count) =>
      new Promise((resolve) => {
        if (frames.length >= count) resolve(frames);
        else waiting.push({ count, resolve });
      }),
  };
}

/** A text that says all of a frame, and in what two unlike frames differ; short for long frames. */
export function show(frame: Frame): string {
  if (typeof frame === 'string')
    return frame.length <= 100 ? `text ${frame}` : `text ${frame.length} ${checksum(frame)}`;
  return `bytes ${frame.length} ${checksum(frame)}`;
}

/** FNV-1a: tests compare megabytes, and an element-wise comparison would take seconds. */
function checksum(frame: Frame): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < frame.length; at++) {
    const value = typeof frame === 'string' ? frame.charCodeAt(at) : (frame[at] as number);
    hash = Math.imul(hash ^ value, 0x01000193);
  }
  return (hash >>> 0).toString(16);
}

/** Bytes that differ by `seed` and position. */
export function someBytes(byteCount: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  for (let at = 0; at < byteCount; at++) bytes[at] = (at * 31 + seed * 7 + (at >> 8)) & 0xff;
  return bytes;
}
