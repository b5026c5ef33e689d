import type { CloseReason, Connection, Frame } from '@lic/interfaces';
import { silentLogger } from '@lic/interfaces';
import { type ClientMessage, decodeServerMessage, type ServerMessage, type WelcomeMessage } from '@lic/protocol';
import type { VirtualRuntime } from '@lic/testkit';
import { ClientHub } from './client-hub.ts';
import type { ClientLink } from './client-link.ts';

/** A connection whose other end is the test. */
export class TestConnection implements Connection {
  readonly remote = 'test://client';
  readonly sent: ServerMessage[] = [];
  closed: CloseReason | undefined;
  #receiver: ((frame: Frame) => void) | undefined;
  readonly #closeListeners: ((reason: CloseReason) => void)[] = [];

  send(frame: Frame): boolean {
    this.sent.push(decodeServerMessage(String(frame)));
    return true;
  }

  async drained(): Promise<void> {}

  onFrame(receiver: (frame: Frame) => void): void {
    this.#receiver = receiver;
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#closeListeners.push(listener);
  }

  /** Frames that are on their way still arrive: the end is told only by {@link TestConnection.end}. */
  close(): void {
    this.closed ??= { kind: 'local', message: 'closed' };
  }

  abort(): void {
    this.close();
  }

  setKeepAlive(): void {}

  /** The client says something. */
  receive(frame: Frame): void {
    this.#receiver?.(frame);
  }

  end(kind: CloseReason['kind']): void {
    this.closed = { kind, message: kind };
    for (const listener of this.#closeListeners) listener(this.closed);
  }
}

/** A hub with everything that it told the server. */
export interface TestHub {
  readonly hub: ClientHub;
  readonly messages: { readonly link: ClientLink; readonly message: ClientMessage }[];
  readonly ends: { readonly link: ClientLink; readonly reason: CloseReason }[];
  readonly peers: Connection[];
  /** What greets clients; may be set to something that fails. */
  welcome: () => Promise<WelcomeMessage>;
  connect(): TestConnection;
}

/** The hello of a client. */
export const hello = JSON.stringify({
  t: 'hello',
  protocol: { min: 1, max: 1 },
  nonce: 'A'.repeat(43),
  agent: 'test',
});

const welcome: WelcomeMessage = {
  t: 'welcome',
  protocol: 1,
  nonce: 'A'.repeat(43),
  server: { key: 'k', name: 'primary', rank: 1 },
  instance: null,
  bootId: 'b',
  licenseHash: null,
  state: 'standby',
  term: 1,
  control: null,
  servers: [],
  settings: { repeatAfterMs: 250, leaseMs: 60_000 },
  signature: 's',
};

export function makeHub(runtime: VirtualRuntime): TestHub {
  const test: TestHub = {
    messages: [],
    ends: [],
    peers: [],
    welcome: async () => welcome,
    hub: new ClientHub({
      runtime,
      logger: silentLogger,
      handlers: {
        welcome: () => test.welcome(),
        greeted: () => {},
        message: (link, message) => void test.messages.push({ link, message }),
        closed: (link, reason) => void test.ends.push({ link, reason }),
      },
      acceptPeer: (connection) => void test.peers.push(connection),
    }),
    connect() {
      const connection = new TestConnection();
      test.hub.accept(connection);
      return connection;
    },
  };
  return test;
}
