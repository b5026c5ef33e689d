import { createClient, type Grant, isDenialError } from '@lic/client';
import { print, printError, style } from '../output/print.ts';
import { clientOptions, type ServerListOptions } from '../servers/server-list.ts';

/** Options of `lic checkout`. */
export interface CheckoutCliOptions extends ServerListOptions {
  readonly count: number;
  /** The least version that will do. */
  readonly featureVersion?: string;
  /** Seconds. */
  readonly wait?: number;
  readonly json?: boolean;
}

/** `lic checkout FEATURE`: holds seats until interrupted; exit code 1 where they are denied or end. */
export async function checkout(feature: string, options: CheckoutCliOptions): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort(new Error(signal)));
  await using client = createClient(await clientOptions(options));
  let grant: Grant;
  try {
    grant = await client.checkout(feature, {
      count: options.count,
      ...(options.featureVersion === undefined ? {} : { version: options.featureVersion }),
      ...(options.wait === undefined ? {} : { wait: options.wait * 1_000 }),
      signal: interrupted.signal,
      onQueued: ({ position }) => tell(options, { event: 'queued', position }, `waiting at place ${position}`),
    });
  } catch (error) {
    if (interrupted.signal.aborted) return 1;
    if (!isDenialError(error)) throw error;
    if (options.json === true) print(JSON.stringify({ granted: false, ...error.denial }));
    else showDenial(error.denial);
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
    tell(options, { event: 'checkedIn' }, 'given back');
  }
  return code;
}

/** Prints each event; resolves to 1 when the grant has ended without being asked to. */
function watch(grant: Grant, options: CheckoutCliOptions): Promise<number> {
  return new Promise((resolve) => {
    grant
      .on('reconnecting', () =>
        tell(
          options,
          { event: 'reconnecting' },
          'the connection is gone; looking for the server in control (the seats hold)',
        ),
      )
      .on('resumed', () => tell(options, { event: 'resumed' }, 'resumed: the same seats, on another connection'))
      .on('moving', ({ reason }) => tell(options, { event: 'moving', reason }, `control is moving: ${reason}`))
      .on('lost', () => tell(options, { event: 'lost' }, 'LOST: the lease ran out without an answer; still trying'))
      .on('ended', ({ code, note }) => {
        tell(
          options,
          { event: 'ended', code, ...(note === undefined ? {} : { note }) },
          `ended: ${code}${note === undefined ? '' : ` (${note})`}`,
        );
        if (code !== 'checkedIn') resolve(1);
      });
  });
}

function tell(options: CheckoutCliOptions, event: object, text: string): void {
  print(
    options.json === true ? JSON.stringify(event) : `${style('dim', new Date().toISOString().slice(11, 23))} ${text}`,
  );
}

function untilAborted(signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(0);
    signal.addEventListener('abort', () => resolve(0));
  });
}

function showDenial(denial: {
  readonly code: string;
  readonly message: string;
  readonly holders?: readonly { user: string; host: string; count: number }[] | undefined;
}): void {
  printError(`${style('red', 'Denied')} ${denial.code}: ${denial.message}`);
  for (const { user, host, count } of denial.holders ?? []) printError(`  ${user}@${host} holds ${count}`);
}
