import { type Client, createClient, type Grant, isDenialError } from '@lic/client';
import { isLicError, LicError } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { denialLines } from '../output/denial.ts';
import { plain, print, printError, style } from '../output/print.ts';
import { clientOptions, type ServerListOptions } from '../servers/server-list.ts';
import { usageError, usageErrorCodes } from '../usage-error.ts';
import { type SeatOptions, seatsAskedFor } from './seat-options.ts';

/** Options of `lic checkout`. */
export interface CheckoutCliOptions extends ServerListOptions, SeatOptions {
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

/**
 * `lic checkout FEATURE…`: holds seats until interrupted; exit code 1 where they are denied or one of the grants ends. Several features
 * are had all or not at all.
 */
export async function checkout(features: readonly string[], options: CheckoutCliOptions): Promise<number> {
  if (features.length > 1 && options.wait !== undefined)
    throw usageError('Several features at once wait in no queue: leave --wait out, or check them out one by one.');
  const seats = seatsAskedFor(options);
  const interrupted = new AbortController();
  for (const signal of stopSignals) process.once(signal, () => interrupted.abort(new Error(signal)));
  await using client = createClient(await clientOptions(options));
  let grants: readonly Grant[];
  try {
    grants = await take(client, features, { seats, options, signal: interrupted.signal });
  } catch (error) {
    showUngranted(interrupted.signal.aborted ? abandoned : error, options);
    return 1;
  }
  showGranted(grants, options);
  const ended = grants.map((grant) => watch(grant, grants.length > 1, options));
  const code = await Promise.race([...ended, untilAborted(interrupted.signal)]);
  // Of several, the others are given back with the one that ended.
  await Promise.all(grants.map((grant) => grant[Symbol.asyncDispose]()));
  return code;
}

async function take(
  client: Client,
  features: readonly string[],
  {
    seats,
    options,
    signal,
  }: { readonly seats: SeatOptions; readonly options: CheckoutCliOptions; readonly signal: AbortSignal },
): Promise<readonly Grant[]> {
  const { wait } = options;
  const [feature = '', ...others] = features;
  if (others.length > 0)
    return client.checkoutAll(
      features.map((name) => ({ feature: name, ...seats })),
      { signal },
    );
  const onQueued = ({ position }: { readonly position: number }): void => showQueued(position, options);
  return [
    await client.checkout(feature, {
      ...seats,
      ...(wait === undefined ? {} : { wait: wait * 1_000 }),
      signal,
      onQueued,
    }),
  ];
}

/** With `--json` one line: `grant`, and of several features `grants` with all of them. */
function showGranted(grants: readonly Grant[], options: CheckoutCliOptions): void {
  const facts = grants.map(({ id, feature, version, count, since, leaseMs }) => ({
    id,
    feature,
    version,
    count,
    since: since.toISOString(),
    leaseMs,
  }));
  if (options.json === true) {
    print(JSON.stringify({ granted: true, grant: facts[0], ...(facts.length > 1 ? { grants: facts } : {}) }));
    return;
  }
  for (const { id, feature, version, count, leaseMs } of facts) {
    const fewer = count < options.count ? ` (${options.count} were asked for)` : '';
    print(
      `${style('green', 'Granted')} ${count} seat${count === 1 ? '' : 's'} of ${feature} ${version}${fewer}: grant ${id}, lease ${leaseMs / 1_000} s.`,
    );
  }
  print(`Ctrl-C gives ${facts.length === 1 && facts[0]?.count === 1 ? 'it' : 'them'} back.`);
}

/** On standard error: the first line that a script reads is the outcome. */
function showQueued(position: number, options: CheckoutCliOptions): void {
  printError(options.json === true ? JSON.stringify({ event: 'queued', position }) : `Waiting at place ${position} …`);
}

/** Prints each event; resolves to 1 when the grant has ended without being asked to. */
function watch(grant: Grant, isOneOfMany: boolean, options: CheckoutCliOptions): Promise<number> {
  const which = isOneOfMany ? { grant: grant.id } : {};
  const name = isOneOfMany ? `${grant.feature}: ` : '';
  const tell = (event: object, text: string): void => tellEvent(options, { ...event, ...which }, `${name}${text}`);
  return new Promise((resolve) => {
    grant
      .on('reconnecting', () =>
        tell(
          { event: 'reconnecting' },
          'the connection is gone; looking for the server in control (the seats still hold)',
        ),
      )
      .on('resumed', () => tell({ event: 'resumed' }, 'resumed: the same seats, on another connection'))
      .on('moving', ({ reason }) => tell({ event: 'moving', reason }, `control is moving: ${reason}`))
      .on('lost', () => tell({ event: 'lost' }, 'LOST: the lease ran out without an answer; still trying'))
      .on('ended', ({ code, note }) => {
        tell(
          { event: 'ended', code, ...(note === undefined ? {} : { note }) },
          code === 'checkedIn' ? 'given back' : `ENDED: ${code}${note === undefined ? '' : ` (${plain(note)})`}`,
        );
        if (code !== 'checkedIn') resolve(1);
      });
  });
}

function tellEvent(options: CheckoutCliOptions, event: object, text: string): void {
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
  if (denial === undefined) return;
  for (const line of denialLines(denial, runtime.now())) printError(`  ${line}`);
}
