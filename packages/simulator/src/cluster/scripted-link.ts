import { type CloseReason, type Connection, silentLogger } from '@lic/interfaces';
import {
  type AdminRequest,
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  protocolVersions,
  type ServerMessage,
  type StatusReport,
} from '@lic/protocol';
import type { MemoryNetwork, VirtualRuntime } from '@lic/testkit';

type Message<T extends ServerMessage['t']> = Extract<ServerMessage, { t: T }>;

/** An answer that belongs to a request by its id. */
export type Answer = Extract<ServerMessage, { id?: number | undefined }>;

/** What a link is opened with. */
export interface ScriptedLinkParts {
  readonly network: MemoryNetwork;
  readonly host: string;
  readonly runtime: VirtualRuntime;
  /** Lets time go by until `holds` does; throws where it never does. */
  readonly until: (what: string, holds: () => boolean, withinMs?: number) => Promise<unknown>;
}

/** A connection that sends what it is told and keeps what it hears: a client without any logic. */
export class ScriptedLink {
  readonly host: string;
  readonly runtime: VirtualRuntime;
  /** Everything heard, oldest first. */
  readonly heard: ServerMessage[] = [];
  readonly #heardMs: number[] = [];
  /** Why the connection ended; undefined while it is open. */
  closed: CloseReason | undefined;
  readonly #until: ScriptedLinkParts['until'];
  readonly #connection: Connection;
  #nextId = 1;

  private constructor(connection: Connection, { host, runtime, until }: ScriptedLinkParts) {
    this.host = host;
    this.runtime = runtime;
    this.#until = until;
    this.#connection = connection;
    connection.onFrame((frame) => {
      if (typeof frame !== 'string') return;
      this.heard.push(decodeServerMessage(frame));
      this.#heardMs.push(runtime.monotonic());
    });
    connection.onClose((reason) => {
      this.closed = reason;
    });
  }

  static async open(address: string, parts: ScriptedLinkParts): Promise<ScriptedLink> {
    const transport = parts.network.transport(parts.host)({ runtime: parts.runtime, logger: silentLogger });
    return new ScriptedLink(await transport.dial(address), parts);
  }

  /** When messages of that kind were heard, on the link's own clock, ms. */
  heardMs(t: ServerMessage['t']): readonly number[] {
    return this.#heardMs.filter((_, at) => this.heard[at]?.t === t);
  }

  nextId(): number {
    return this.#nextId++;
  }

  send(message: ClientMessage): void {
    this.sendText(encodeClientMessage(message));
  }

  sendText(text: string | Uint8Array): void {
    this.#connection.send(text);
  }

  /** Ends in order, as a client that exits. */
  close(): void {
    this.#connection.close();
  }

  /** Ends by a reset. */
  abort(): void {
    this.#connection.abort();
  }

  /** `licenseHash`: of a license that this client has verified before. */
  async hello(licenseHash?: string): Promise<Message<'welcome'>> {
    this.send({
      t: 'hello',
      protocol: { ...protocolVersions },
      nonce: base64url(this.runtime.random(32)),
      agent: 'script',
      ...(licenseHash === undefined ? {} : { licenseHash }),
    });
    return this.next('welcome');
  }

  /** The first message of that kind from now on (or, with `from`, from that place in `heard` on). */
  async next<T extends ServerMessage['t']>(
    t: T,
    options: {
      readonly from?: number;
      readonly withinMs?: number;
      readonly where?: (message: Message<T>) => boolean;
    } = {},
  ): Promise<Message<T>> {
    const from = options.from ?? this.heard.length;
    const find = (): Message<T> | undefined =>
      this.heard
        .slice(from)
        .find((message): message is Message<T> => message.t === t && (options.where?.(message as Message<T>) ?? true));
    await this.#until(`"${t}" on a link`, () => find() !== undefined, options.withinMs);
    return find() as Message<T>;
  }

  /** Sends a request and waits for its answer. */
  async ask(message: ClientMessage & { readonly id: number }): Promise<Answer> {
    this.send(message);
    return this.answer(message.id);
  }

  /** Waits for the answer to a request that was sent. */
  async answer(id: number): Promise<Answer> {
    const find = (): Answer | undefined =>
      this.heard.find((message): message is Answer => 'id' in message && message.id === id);
    await this.#until(`an answer to request ${id}`, () => find() !== undefined);
    return find() as Answer;
  }

  async status(token?: string): Promise<StatusReport> {
    const answer = await this.ask({ t: 'status', id: this.nextId(), ...(token === undefined ? {} : { token }) });
    if (answer.t !== 'statusAnswer') throw new Error(`status was answered by ${JSON.stringify(answer)}`);
    return answer.report;
  }

  admin(token: string, request: AdminRequest): Promise<Answer> {
    return this.ask({ t: 'admin', id: this.nextId(), token, request });
  }
}

/** 22 characters for 16 bytes, 43 for 32. */
export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
