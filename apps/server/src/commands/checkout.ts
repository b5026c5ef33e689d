import { createClient, type Grant, isDenialError } from '@lic/client';
import { isLicError, LicError } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { plain, print, printError, style } from '../output/print.ts';
import { spanText } from '../output/readable.ts';
import { clientOptions, type ServerListOptions } from '../servers/server-list.ts';
import { usageErrorCodes } from '../usage-error.ts';

/** Options of `lic checkout`. */
export interface CheckoutCliOptions extends ServerListOptions {
  readonly count: number;
  /** The least version that will do. */
  readonly version?: string;
  /** Seconds. */
  readonly wait?: number;
  readonly json?: boolean;
}

/** A terminal that is closed gives the seats back too. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const abandoned = new LicError(
  'INTERRUPTED',
  'Interrupted before a seat was granted; a place in the queue is given up.',
);

/** `lic checkout FEATURE`: holds seats until interrupted; exit code 1 where they are denied or end. */
export async function checkout(feature: string, options: CheckoutCliOptions): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of stopSignals) process.once(signal, () => interrupted.abort(new Error(signal)));
  await using client = createClient(await clientOptions(options));
  let grant: Grant;
  try {
    grant = await client.checkout(feature, {
      count: options.count,
      ...(options.version === undefined ? {} : { version: options.version }),
      ...(options.wait === undefined ? {} : { wait: options.wait * 1_000 }),
      signal: interrupted.signal,
      onQueued: ({ position }) => showQueued(position, options),
    });
  } catch (error) {
    showUngranted(interrupted.signal.aborted ? abandoned : error, options);
    return 1;
  }
  const { id, version, count, since, leaseMs } = grant;
  if (options.json === true) {
    print(
      JSON.stringify({ granted: true, grant: { id, feature, version, count, since: since.toISOString(), leaseMs } }),
    );
  } else {
    print(
      `${style('green', 'Granted')} ${count} seat${count === 1 ? '' : 's'} of ${feature} ${version}: grant ${id}, lease ${leaseMs / 1_000} s. Ctrl-C gives ${count === 1 ? 'it' : 'them'} back.`,
    );
  }
  const ended = watch(grant, options);
  const code = await Promise.race([ended, untilAborted(interrupted.signal)]);
  if (code === 0) {
    await grant[Symbol.asyncDispose]();
  }
  return code;
}

/** On standard error: the first line that a script reads is the outcome. */
function showQueued(position: number, options: CheckoutCliOptions): void {
  printError(options.json === true ? JSON.stringify({ event: 'queued', position }) : `Waiting at place ${position} …`);
}

/** Prints each event; resolves to 1 when the grant has ended without being asked to. */
function watch(grant: Grant, options: CheckoutCliOptions): Promise<number> {
  return new Promise((resolve) => {
    grant
      .on('reconnecting', () =>
        tell(
          options,
          { event: 'reconnecting' },
          'the connection is gone; looking for the server in control (the seats still hold)',
        ),
      )
      .on('resumed', () => tell(options, { event: 'resumed' }, 'resumed: the same seats, on another connection'))
      .on('moving', ({ reason }) => tell(options, { event: 'moving', reason }, `control is moving: ${reason}`))
      .on('lost', () => tell(options, { event: 'lost' }, 'LOST: the lease ran out without an answer; still trying'))
      .on('ended', ({ code, note }) => {
        tell(
          options,
          { event: 'ended', code, ...(note === undefined ? {} : { note }) },
          code === 'checkedIn' ? 'given back' : `ENDED: ${code}${note === undefined ? '' : ` (${plain(note)})`}`,
        );
        if (code !== 'checkedIn') resolve(1);
      });
  });
}

function tell(options: CheckoutCliOptions, event: object, text: string): void {
  print(
    options.json === true
      ? JSON.stringify(event)
      : `${style('dim', new Date(runtime.now()).toISOString().slice(11, 19))} ${text}`,
  );
}

function untilAborted(signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(0);
    signal.addEventListener('abort', () => resolve(0));
  });
}

/** Says why nothing was granted. Throws what is no answer of the servers: what was typed can't be used, or a bug. */
function showUngranted(error: unknown, options: CheckoutCliOptions): void {
  if (!isLicError(error) || usageErrorCodes.has(error.code)) throw error;
  const denial = isDenialError(error) ? error.denial : undefined;
  if (options.json === true) {
    print(JSON.stringify({ granted: false, ...(denial ?? { code: error.code, message: error.message }) }));
    return;
  }
  const word = denial === undefined ? 'Not granted' : 'Denied';
  printError(`${style('red', word, process.stderr)} ${error.code}: ${plain(error.message)}`);
  for (const { user, host, count, sinceMs } of denial?.holders ?? []) {
    const span = spanText(runtime.now() - sinceMs);
    printError(`  ${plain(user)}@${plain(host)} has held ${count} ${count === 1 ? 'seat' : 'seats'} for ${span}`);
  }
}
