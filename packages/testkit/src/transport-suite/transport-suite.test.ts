import type { CloseReason, Connection, Frame, Transport, TransportFactory } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { memoryWorld } from '../memory-transport/memory-world.ts';
import { transportSuite } from './transport-suite.ts';
import type { TransportCapabilities } from './transport-world.ts';

const capabilities: TransportCapabilities = {
  canAbort: true,
  seesOrderlyEnd: true,
  addressForPortZero: true,
  canHalfOpen: true,
  canHangDial: true,
};

interface Subject {
  readonly wrap?: (factory: TransportFactory) => TransportFactory;
  readonly capabilities?: TransportCapabilities;
  /** Only cases in whose name this stands. */
  readonly only?: string;
}

/** Runs the suite and answers the names of the cases that fail. */
async function failures({ wrap, capabilities: declared = capabilities, only = '' }: Subject): Promise<string[]> {
  const cases: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  const path: string[] = [];
  transportSuite(
    {
      describe(name, body) {
        path.push(name);
        body();
        path.pop();
      },
      it: (name, body) => void cases.push({ name: [...path.slice(1), name].join(' '), body }),
      expect,
    },
    {
      name: 'broken',
      capabilities: declared,
      makeWorld: () => Promise.resolve(memoryWorld(wrap === undefined ? {} : { wrap })),
    },
  );
  const failed: string[] = [];
  for (const { name, body } of cases.filter((one) => one.name.includes(only)))
    await body().catch(() => {
      failed.push(name);
    });
  return failed;
}

/** A transport whose connections, or whose own methods, are replaced in part. */
function broken(
  breakConnection: (inner: Connection) => Partial<Connection>,
  breakTransport: (inner: Transport) => Partial<Transport> = () => ({}),
): (factory: TransportFactory) => TransportFactory {
  return (factory) => (context) => {
    const inner = factory(context);
    const wrapped = (connection: Connection): Connection =>
      Object.assign(Object.create(connection), passOn(connection), breakConnection(connection));
    const transport: Transport = {
      schemes: inner.schemes,
      dial: async (address, options) => wrapped(await inner.dial(address, options)),
      listen: (address, options) =>
        inner.listen(address, { ...options, onConnection: (one) => options.onConnection(wrapped(one)) }),
    };
    return { ...transport, ...breakTransport(transport) };
  };
}

/** Methods that work when called on a wrapper. */
function passOn(inner: Connection): Omit<Connection, 'remote'> {
  return {
    send: (frame) => inner.send(frame),
    drained: () => inner.drained(),
    onFrame: (receiver) => inner.onFrame(receiver),
    onClose: (listener) => inner.onClose(listener),
    close: () => inner.close(),
    abort: () => inner.abort(),
    setKeepAlive: (on) => inner.setKeepAlive(on),
  };
}

/** Each breaks one promise, and says which case must notice. */
const mutants: [name: string, wrap: ReturnType<typeof broken>, noticedBy: string][] = [
  [
    'turns text into bytes',
    broken((inner) => ({
      send: (frame) => inner.send(typeof frame === 'string' ? new TextEncoder().encode(frame) : frame),
    })),
    'keep kind',
  ],
  [
    'swaps neighbours',
    broken((inner) => {
      let kept: Frame | undefined;
      return {
        send(frame) {
          if (kept === undefined && frame.length < 300) {
            kept = frame;
            queueMicrotask(() => {
              if (kept !== undefined) inner.send(kept);
              kept = undefined;
            });
            return true;
          }
          inner.send(frame);
          if (kept === undefined) return true;
          const goesOn = inner.send(kept);
          kept = undefined;
          return goesOn;
        },
      };
    }),
    'keep order',
  ],
  [
    'loses empty frames',
    broken((inner) => ({ send: (frame) => frame.length === 0 || inner.send(frame) })),
    'keep kind',
  ],
  [
    'loses what came before the receiver',
    broken((inner) => {
      let receiver: (frame: Frame) => void = () => {};
      inner.onFrame((frame) => receiver(frame));
      return {
        onFrame(next) {
          receiver = next;
        },
      };
    }),
    'gets what came before it was set',
  ],
  [
    'keeps to its first receiver',
    broken((inner) => {
      let isSet = false;
      return {
        onFrame(receiver) {
          if (!isSet) inner.onFrame(receiver);
          isSet = true;
        },
      };
    }),
    'is replaced by the next',
  ],
  [
    'swallows frames that are too large',
    broken((inner) => ({
      send(frame) {
        try {
          return inner.send(frame);
        } catch {
          return false;
        }
      },
    })),
    'throw FRAME_TOO_LARGE',
  ],
  [
    'tells its listeners twice',
    broken((inner) => ({
      onClose: (listener) =>
        inner.onClose((reason) => {
          listener(reason);
          queueMicrotask(() => listener(reason));
        }),
    })),
    'comes once to each listener',
  ],
  [
    'tells late listeners within the call',
    broken((inner) => {
      let ended: CloseReason | undefined;
      inner.onClose((reason) => {
        ended = reason;
      });
      return {
        onClose(listener) {
          if (ended === undefined) inner.onClose(listener);
          else listener(ended);
        },
      };
    }),
    'comes once to each listener',
  ],
  ['forgets late listeners', broken(withoutLateListeners), 'comes once to each listener'],
  ['closes by abort', broken((inner) => ({ close: () => inner.abort() })), 'lets what was sent before go out first'],
  ['aborts by close', broken((inner) => ({ abort: () => inner.close() })), 'is local on this side'],
  [
    'throws after the end',
    broken((inner) => {
      let isOver = false;
      inner.onClose(() => {
        isOver = true;
      });
      return {
        send(frame) {
          if (isOver) throw new Error('closed');
          return inner.send(frame);
        },
      };
    }),
    'nothing throws',
  ],
  ['never says false', broken((inner) => ({ send: (frame) => inner.send(frame) || true })), 'sends are dropped'],
  ['never drains', broken(() => ({ drained: () => new Promise(() => {}) })), 'drained resolves'],
  ['drains at once', broken(() => ({ drained: () => Promise.resolve() })), 'answers false above'],
  [
    'dials whatever it is told',
    broken(
      () => ({}),
      (inner) => ({ dial: (address, options) => inner.dial(address.trim(), options) }),
    ),
    'ADDRESS_INVALID',
  ],
  [
    'ignores signals',
    broken(
      () => ({}),
      (inner) => ({ dial: (address) => inner.dial(address) }),
    ),
    'rejects with the reason of a signal',
  ],
  [
    'takes every connection',
    broken(
      () => ({}),
      (inner) => ({
        listen: (address, options) => inner.listen(address, { ...options, connectionsMax: 1_000 }),
      }),
    ),
    'takes no more connections',
  ],
  [
    'closes connections with the listener',
    broken(
      () => ({}),
      (inner) => ({
        async listen(address, options) {
          const accepted: Connection[] = [];
          const listener = await inner.listen(address, {
            ...options,
            onConnection(connection) {
              accepted.push(connection);
              options.onConnection(connection);
            },
          });
          return {
            address: listener.address,
            close() {
              for (const connection of accepted) connection.close();
              return listener.close();
            },
          };
        },
      }),
    ),
    'leaves open connections alone',
  ],
  [
    'goes on listening',
    broken(
      () => ({}),
      (inner) => ({
        listen: async (address, options) => ({
          address: (await inner.listen(address, options)).address,
          close: () => Promise.resolve(),
        }),
      }),
    ),
    'refuses dials',
  ],
];

function withoutLateListeners(inner: Connection): Partial<Connection> {
  let isOver = false;
  inner.onClose(() => {
    isOver = true;
  });
  return {
    onClose(listener) {
      if (!isOver) inner.onClose(listener);
    },
  };
}

describe('transport suite', () => {
  it('passes a wrapper that breaks nothing', async () => {
    expect(await failures({ wrap: broken(() => ({})) })).toEqual([]);
  });

  it.each(mutants)('notices a transport that %s', async (_name, wrap, noticedBy) => {
    expect((await failures({ wrap, only: noticedBy })).length).toBeGreaterThan(0);
  });

  it('notices a manifest that says too little', async () => {
    for (const name of Object.keys(capabilities) as (keyof TransportCapabilities)[]) {
      const failed = await failures({ capabilities: { ...capabilities, [name]: false }, only: 'capabilities' });
      expect(failed).toEqual([`capabilities ${name}: false`]);
    }
  });

  it('notices a manifest that says too much', async () => {
    const cannotAbort = await failures({
      wrap: broken((inner) => ({ abort: () => inner.close() })),
      only: 'capabilities',
    });
    expect(cannotAbort).toContain('capabilities canAbort: true');
    const cannotEnd = await failures({
      wrap: broken((inner) => ({ close: () => inner.abort() })),
      only: 'capabilities',
    });
    expect(cannotEnd).toContain('capabilities seesOrderlyEnd: true');
  });
});
