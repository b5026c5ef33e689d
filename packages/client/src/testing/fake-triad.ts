import {
  createLedger,
  encodeCommand,
  type Ledger,
  type LedgerEvent,
  type LedgerReply,
  ledgerVersions,
} from '@lic/core';
import type { Timer } from '@lic/interfaces';
import type { ClientMessage, ControlHint, ErrorCode, ServerMessage, ServerState, WelcomeMessage } from '@lic/protocol';
import {
  answerOf,
  bindsBy,
  commandOf,
  errorAnswer,
  type HeartbeatMessage,
  type HeartbeatRefusal,
  heartbeatAnswer,
  isOpening,
  type LogMessage,
  statusReport,
  type Unstamped,
  wireGrant,
} from './fake-answers.ts';

/** One end of a client's connection, as a fake server sees it. */
export interface FakeConnection {
  send(message: ServerMessage): void;
  /** Ends it from the server's side. */
  close(): void;
}

export interface FakeServer {
  readonly rank: number;
  readonly name: string;
  readonly key: string;
  readonly address: string;
  isUp: boolean;
  state: ServerState;
  readonly connections: Set<FakeConnection>;
}

export interface FakeTriadOptions {
  readonly nowMs: () => number;
  schedule(delayMs: number, run: () => void): Timer;
  /** The license in force; its signature is looked at by clients only. */
  readonly license: string;
  readonly licenseHash: string;
  readonly servers: readonly { readonly name: string; readonly key: string; readonly address: string }[];
  readonly leaseMs: number;
  readonly marginMs: number;
  readonly repeatAfterMs?: number;
  /** How long a commit, or a read barrier, takes. Default 2 ms. */
  readonly commitMs?: () => number;
}

type BorrowedMessage = Extract<ClientMessage, { t: 'return' | 'present' }>;

const drift = 0.01;

/**
 * Three license servers in one object, on the real ledger: control is given and taken by the test, and a commit that control
 * leaves behind is lost or stands, as the test says. Bindings, holds, queues and answers follow triad.md.
 */
export class FakeTriad {
  readonly ledger: Ledger = createLedger({ verifyLicense: () => undefined });
  readonly servers: readonly FakeServer[];
  /** Requests that were refused for good; a right client causes none. */
  readonly refusals: string[] = [];
  /** Session requests received, by type. */
  readonly received = new Map<string, number>();
  term = 0;
  inControl: FakeServer | null = null;
  /** Whether a majority acknowledges what the one in control proposes. */
  hasQuorum = true;
  /** The protocol version that its servers speak. */
  protocol = 2;
  /** Whether what is under way when control is lost is committed by the next one all the same. */
  keepsPending = true;
  /** Servers answer requests with this instead of carrying them out. */
  refuseWith: ErrorCode | null = null;
  /** Stand-bys pass on to the one in control. */
  relays = false;
  readonly #options: FakeTriadOptions;
  readonly #bindings = new Map<string, { readonly connection: FakeConnection; readonly epoch: number }>();
  readonly #heardMs = new Map<string, number>();
  readonly #endingSinceMs = new Map<string, number>();
  readonly #pending = new Set<Unstamped>();
  #index = 0;
  #lastCommitMs = 0;
  #hasPutOff = false;

  constructor(options: FakeTriadOptions) {
    this.#options = options;
    this.servers = options.servers.map((server, at) => ({
      ...server,
      rank: at + 1,
      isUp: true,
      state: 'candidate',
      connections: new Set(),
    }));
    this.apply({
      kind: 'open',
      license: options.license,
      licenseHash: options.licenseHash,
      settings: { leaseMs: options.leaseMs, drift, marginMs: options.marginMs, allowShortLeases: true },
      isNew: true,
      ledgerVersion: ledgerVersions.current,
    });
  }

  server(rank: number): FakeServer {
    return this.servers[rank - 1] as FakeServer;
  }

  /** Gives control to a server, in a new term; null: nobody has it. */
  giveControl(rank: number | null): void {
    for (const command of [...this.#pending]) {
      this.#pending.delete(command);
      if (this.keepsPending) this.apply(command);
    }
    this.#bindings.clear();
    this.#heardMs.clear();
    this.term += 1;
    this.inControl = rank === null ? null : this.server(rank);
    for (const server of this.servers) server.state = this.#stateOf(server);
    for (const server of this.servers) {
      const { state } = server;
      for (const connection of server.connections) {
        connection.send({ t: 'control', state, term: this.term, control: this.#hint() });
      }
    }
  }

  /** The process is gone; `kind` is what its clients see. */
  kill(rank: number, close: (connection: FakeConnection) => void = (connection) => connection.close()): void {
    const server = this.server(rank);
    server.isUp = false;
    for (const connection of [...server.connections]) {
      this.disconnected(rank, connection, false);
      close(connection);
    }
    if (this.inControl === server) this.giveControl(null);
  }

  restart(rank: number): void {
    this.server(rank).isUp = true;
    this.server(rank).state = this.#stateOf(this.server(rank));
  }

  /** Announces that control is about to move. */
  announceMove(toRank: number): void {
    const to = this.#hintOf(this.server(toRank));
    for (const server of this.servers)
      for (const connection of server.connections) connection.send({ t: 'moving', to, reason: 'drain' });
  }

  connected(rank: number, connection: FakeConnection): void {
    this.server(rank).connections.add(connection);
  }

  disconnected(rank: number, connection: FakeConnection, isOrderly: boolean): void {
    this.server(rank).connections.delete(connection);
    for (const [session, binding] of [...this.#bindings]) {
      if (binding.connection !== connection) continue;
      this.#bindings.delete(session);
      if (isOrderly) this.#commit({ kind: 'disconnect', session, epoch: binding.epoch }, () => undefined);
    }
  }

  /** The welcome of a server, not signed yet. */
  welcome(rank: number, hello: Extract<ClientMessage, { t: 'hello' }>): WelcomeMessage {
    const { name, key, state } = this.server(rank);
    const { license, licenseHash, repeatAfterMs = 250, leaseMs } = this.#options;
    return {
      t: 'welcome',
      protocol: this.protocol,
      nonce: hello.nonce,
      server: { key, name, rank },
      instance: 'fake',
      bootId: `boot-${rank}`,
      licenseHash,
      ...(hello.licenseHash === licenseHash ? {} : { license }),
      state,
      term: this.term,
      control: this.#hint(),
      servers: this.servers.map((server) => this.#hintOf(server)),
      settings: { repeatAfterMs, leaseMs },
      signature: '',
    };
  }

  receive(rank: number, connection: FakeConnection, message: ClientMessage): void {
    const server = this.server(rank);
    if (!server.connections.has(connection)) return;
    this.received.set(message.t, (this.received.get(message.t) ?? 0) + 1);
    switch (message.t) {
      case 'hello':
        break;
      case 'status':
        connection.send({ t: 'statusAnswer', id: message.id, report: statusReport(this) });
        break;
      case 'admin':
        connection.send({ t: 'adminAnswer', id: message.id, message: `did ${message.request.verb}`, result: {} });
        break;
      case 'heartbeat':
        this.#heartbeat(server, connection, message);
        break;
      case 'return':
      case 'present':
        this.#borrowed(server, connection, message);
        break;
      default:
        this.#request(server, connection, message);
    }
  }

  /** Reclaims what has been silent too long. To be called often. */
  reclaim(): void {
    if (this.inControl === null || !this.hasQuorum) return;
    const nowMs = this.#options.nowMs();
    for (const session of [...this.ledger.sessionIds()]) {
      const view = this.ledger.session(session);
      const heardMs = this.#heardMs.get(session);
      if (heardMs === undefined) this.#heardMs.set(session, nowMs);
      else if (view !== undefined && nowMs - heardMs >= view.holdMsMin) {
        this.#bindings.delete(session);
        this.apply({ kind: 'reclaim', session, silentMs: Math.floor(nowMs - heardMs) });
      }
    }
    for (const grant of [...this.ledger.endingGrants()]) {
      const sinceMs = this.#endingSinceMs.get(grant.id) ?? nowMs;
      this.#endingSinceMs.set(grant.id, sinceMs);
      if (nowMs - sinceMs >= grant.holdMs) this.apply({ kind: 'settle', grants: [grant.id] });
    }
    this.apply({ kind: 'tick' });
  }

  /** Commits at once and tells those whom it concerns. */
  apply(command: Unstamped): LedgerReply {
    const at = Date.UTC(2026, 5, 1) + Math.floor(this.#options.nowMs());
    const { reply, events } = this.ledger.apply(++this.#index, encodeCommand({ ...command, at }));
    for (const event of events) this.#tell(event);
    return reply;
  }

  /** Serves the queue as far as seats are free. */
  serveQueue(): void {
    if (this.inControl === null || !this.hasQuorum) return;
    for (const entry of this.ledger.assignable((session) => this.#bindings.has(session))) {
      this.apply({ kind: 'assign', entry: entry.id, epoch: this.#bindings.get(entry.session)?.epoch ?? 0 });
    }
  }

  #stateOf(server: FakeServer): ServerState {
    if (this.inControl === null) return 'candidate';
    return this.inControl === server ? 'in-control' : 'standby';
  }

  #hint(): ControlHint | null {
    return this.inControl === null ? null : this.#hintOf(this.inControl);
  }

  #hintOf({ rank, name, key, address }: FakeServer): ControlHint {
    return { rank, name, key, addresses: [address] };
  }

  #serves(server: FakeServer): boolean {
    return this.inControl === server || (this.relays && this.inControl !== null && server.state === 'standby');
  }

  #heartbeat(server: FakeServer, connection: FakeConnection, message: HeartbeatMessage): void {
    const { session, epoch, number } = message;
    const { term } = this;
    const refuse = (code: HeartbeatRefusal): void =>
      connection.send({ t: 'heartbeatRefused', number, code, control: this.#hint() });
    const refusal = (): HeartbeatRefusal | null => {
      if (!this.#serves(server) || this.term !== term) return 'NOT_IN_CONTROL';
      if (this.ledger.session(session) === undefined) return 'ENDED';
      if (this.#isBound(session, connection, epoch)) return null;
      return this.#bindings.has(session) ? 'SUPERSEDED' : 'RESUME';
    };
    const atOnce = refusal();
    if (atOnce !== null) {
      refuse(atOnce);
      return;
    }
    this.#heardMs.set(session, this.#options.nowMs());
    this.#options.schedule(this.#commitMs(), () => {
      const late = this.hasQuorum ? refusal() : 'NO_QUORUM';
      if (!server.connections.has(connection)) return;
      if (late !== null) refuse(late);
      else connection.send(heartbeatAnswer(this.ledger, message));
    });
  }

  #isBound(session: string, connection: FakeConnection, epoch: number): boolean {
    const binding = this.#bindings.get(session);
    return binding?.connection === connection && binding.epoch === epoch;
  }

  #borrowed(server: FakeServer, connection: FakeConnection, message: BorrowedMessage): void {
    const { id } = message;
    const answerLater = (answer: ServerMessage): void =>
      void this.#options.schedule(this.#commitMs(), () => connection.send(answer));
    if (!this.#serves(server)) connection.send(errorAnswer(id, 'NOT_IN_CONTROL', this.#hint()));
    else if (message.t === 'present') answerLater({ t: 'presented', id });
    else
      this.#commit({ kind: 'return', borrow: message.borrow }, (reply) =>
        connection.send(reply === undefined ? errorAnswer(id, 'UNKNOWN', this.#hint()) : { t: 'returned', id }),
      );
  }

  #request(server: FakeServer, connection: FakeConnection, message: LogMessage): void {
    const { id, session } = message;
    const refusal = this.#refusalOf(server, connection, message);
    if (refusal !== null) {
      connection.send(errorAnswer(id, refusal, this.#hint()));
      return;
    }
    this.#heardMs.set(session, this.#options.nowMs());
    this.#commit(commandOf(message, this.ledger.summary().licenseTimeMs), (reply) => {
      const answer =
        reply === undefined
          ? errorAnswer(id, 'UNKNOWN', this.#hint())
          : answerOf(id, 'seq' in message ? message.seq : 0, reply);
      const binds = bindsBy(message, reply);
      if (binds !== undefined && server.connections.has(connection))
        this.#bindings.set(session, { connection, epoch: binds });
      if (reply?.kind === 'refused' && reply.code === 'REFUSED' && !this.#isExcused(message.t, reply.message))
        this.refusals.push(`${message.t}: ${reply.message}`);
      connection.send(answer);
      if (binds !== undefined) this.serveQueue();
    });
  }

  #refusalOf(server: FakeServer, connection: FakeConnection, message: LogMessage): ErrorCode | null {
    if (!this.#serves(server)) return 'NOT_IN_CONTROL';
    const putOff = this.refuseWith ?? (this.hasQuorum ? null : 'NO_QUORUM');
    if (putOff !== null) {
      this.#hasPutOff = true;
      return putOff;
    }
    const needsBinding = message.t !== 'resume' && !isOpening(message);
    return needsBinding && !this.#isBound(message.session, connection, message.epoch) ? 'RESUME' : null;
  }

  /** A checkin may find its grant ended and forgotten; a number comes too early where the one before it was put off. */
  #isExcused(type: string, message: string): boolean {
    return (
      (type === 'checkin' && message.includes('holds no grant')) || (this.#hasPutOff && message.includes('skips one'))
    );
  }

  /** Commits after a while; `undefined`: control was lost meanwhile, and it may stand or not. */
  #commit(command: Unstamped, then: (reply: LedgerReply | undefined) => void): void {
    const { term } = this;
    const nowMs = this.#options.nowMs();
    this.#pending.add(command);
    // A log keeps the order of proposals.
    this.#lastCommitMs = Math.max(this.#lastCommitMs, nowMs + this.#commitMs());
    this.#options.schedule(this.#lastCommitMs - nowMs, () => {
      const isPending = this.#pending.delete(command);
      const isCommitted = isPending && this.term === term;
      then(isCommitted ? this.apply(command) : undefined);
      if (isCommitted) this.serveQueue();
    });
  }

  #commitMs(): number {
    return this.#options.commitMs?.() ?? 2;
  }

  #tell(event: LedgerEvent): void {
    switch (event.kind) {
      case 'granted': {
        const binding = this.#bindings.get(event.grant.session);
        if (!event.fromQueue) return;
        binding?.connection.send({
          t: 'granted',
          seq: event.grant.checkoutSeq,
          epoch: binding.epoch,
          grant: wireGrant(event.grant),
        });
        return;
      }
      case 'ending':
      case 'ended': {
        if (event.kind === 'ended' && (event.reason === 'checkedIn' || event.grant.state === 'ending')) return;
        const reason = event.kind === 'ended' ? event.reason : (event.grant.ending?.reason ?? 'revoked');
        this.#bindings
          .get(event.grant.session)
          ?.connection.send({ t: event.kind, grants: [{ grant: event.grant.id, reason }] });
        return;
      }
      case 'unqueued': {
        const binding = this.#bindings.get(event.entry.session);
        if (event.why !== 'waitOver') return;
        const { feature, count, checkoutSeq } = event.entry;
        const denial = { code: 'WAIT_OVER', feature, requested: count, message: 'The wait is over.' };
        binding?.connection.send({ t: 'denied', seq: checkoutSeq, epoch: binding.epoch, denial });
        return;
      }
      case 'sessionEnded':
        this.#bindings.delete(event.session);
        return;
      default:
        return;
    }
  }
}
