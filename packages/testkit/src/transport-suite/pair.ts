import { type Connection, isLicError, type Listener, type Transport } from '@lic/interfaces';
import { type Recorder, record } from './recorder.ts';
import type { TransportLimits, TransportWorld } from './transport-world.ts';

/** Two ends of one connection, and what they came from. */
export interface Pair {
  readonly dialer: Transport;
  readonly listener: Listener;
  readonly dialed: Recorder;
  readonly accepted: Recorder;
}

/** How {@link connect} makes a pair. */
export interface PairOptions {
  readonly dial?: Partial<TransportLimits>;
  readonly accept?: Partial<TransportLimits>;
  /** The end that sets no receiver yet. */
  readonly deaf?: 'dialed' | 'accepted';
}

/** A listener whose connections can be awaited one by one. */
export interface Acceptor {
  readonly listener: Listener;
  readonly accepted: readonly Connection[];
  readonly next: () => Promise<Connection>;
}

/** Listens on a free port. */
export async function accept(
  world: TransportWorld,
  limits: Partial<TransportLimits> = {},
  { address = world.anyPort, connectionsMax }: { address?: string; connectionsMax?: number } = {},
): Promise<Acceptor> {
  const accepted: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  let taken = 0;
  const listener = await world.run(
    world.acceptor(limits).listen(address, {
      ...(connectionsMax === undefined ? {} : { connectionsMax }),
      onConnection(connection) {
        accepted.push(connection);
        const waiter = waiting.shift();
        if (waiter === undefined) return;
        taken++;
        waiter(connection);
      },
    }),
  );
  return {
    listener,
    accepted,
    next: () =>
      new Promise((resolve) => {
        const connection = accepted[taken];
        if (connection === undefined || waiting.length > 0) waiting.push(resolve);
        else {
          taken++;
          resolve(connection);
        }
      }),
  };
}

/** Connects two recorded ends. */
export async function connect(world: TransportWorld, options: PairOptions = {}): Promise<Pair> {
  const acceptor = await accept(world, options.accept);
  const dialer = world.dialer(options.dial ?? {});
  const [dialed, accepted] = await world.run(Promise.all([dialer.dial(acceptor.listener.address), acceptor.next()]));
  return {
    dialer,
    listener: acceptor.listener,
    dialed: record(dialed, { isDeaf: options.deaf === 'dialed' }),
    accepted: record(accepted, { isDeaf: options.deaf === 'accepted' }),
  };
}

/**
 * Lets all that is under way arrive: a frame goes to and fro on a new connection, so whatever was to happen at about
 * the same time has happened.
 */
export async function letPass(world: TransportWorld): Promise<void> {
  const { dialed, accepted, listener } = await connect(world);
  for (let turn = 1; turn <= 3; turn++) {
    dialed.connection.send('to');
    await world.run(accepted.received(turn));
    accepted.connection.send('fro');
    await world.run(dialed.received(turn));
  }
  dialed.connection.close();
  await world.run(Promise.all([dialed.ended, accepted.ended]));
  await world.run(listener.close());
}

/** The code with which `promise` rejects, or what became of it instead; then whether a retry can help. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    if (!isLicError(error)) return `not a LicError: ${String(error)}`;
    return error.retryable ? `${error.code} (retryable)` : error.code;
  }
}
