import type { Logger, LogStore, PeerId, PeerLink, Runtime } from '@lic/interfaces';
import type { RaftInput } from '../core/inputs.ts';
import { isResetting } from '../core/log.ts';
import type { Message, SnapshotChunk, SnapshotReply } from '../core/messages.ts';
import { isMuted } from '../core/roles.ts';
import type { RaftState } from '../core/state.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';

/** What {@link SnapshotTransfers} work with. */
export interface SnapshotTransfersParts {
  readonly store: LogStore;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** The core's, to be read. */
  readonly state: RaftState;
  send(to: PeerId, message: Message): void;
  linkTo(peer: PeerId): PeerLink | undefined;
  step(input: RaftInput): void;
}

/** The snapshots under way: from the leader to this server, or from this server to those whose log it does not have any more. */
export class SnapshotTransfers {
  readonly #parts: SnapshotTransfersParts;
  readonly #receiver: SnapshotReceiver;
  readonly #senders = new Map<PeerId, SnapshotSender>();

  constructor(parts: SnapshotTransfersParts) {
    this.#parts = parts;
    this.#receiver = new SnapshotReceiver({
      ...parts,
      reply: (to, reply) => parts.send(to, reply),
      onReceived: (meta) => parts.step({ kind: 'snapshotReceived', meta }),
    });
  }

  /** The lowest snapshot that is being sent: the log behind it will be wanted. Infinity where none is. */
  get lowestSent(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const sender of this.#senders.values()) lowest = Math.min(lowest, sender.index);
    return lowest;
  }

  /** Brings the newest stored snapshot to `peer`. */
  send(peer: PeerId): void {
    const { logger, runtime, state, step, store } = this.#parts;
    const link = this.#parts.linkTo(peer);
    if (link === undefined) {
      step({ kind: 'snapshotFailed', to: peer });
      return;
    }
    this.#senders.get(peer)?.fail('a newer one is sent');
    const over = () => {
      if (this.#senders.get(peer) === sender) this.#senders.delete(peer);
    };
    const sender = new SnapshotSender({
      store,
      runtime,
      link,
      term: state.term,
      onSent: (index) => {
        over();
        logger.info('a snapshot was sent', { to: peer, index });
        step({ kind: 'snapshotSent', to: peer, index });
      },
      onFailed: (why) => {
        over();
        logger.warn('a snapshot could not be sent', { to: peer, why });
        step({ kind: 'snapshotFailed', to: peer });
      },
    });
    this.#senders.set(peer, sender);
  }

  /** The peer says how far it has come. */
  onReply(from: PeerId, reply: SnapshotReply): void {
    this.#senders.get(from)?.onReply(reply);
  }

  /** A piece has come, and the core has seen it. */
  onChunk(from: PeerId, chunk: SnapshotChunk): void {
    const { state } = this.#parts;
    if (state.term !== chunk.term || state.leader !== from || isMuted(state) || state.disk !== 'well') return;
    if (isResetting(state.log)) this.#receiver.refuse(from, chunk);
    else this.#receiver.onChunk(from, chunk, chunk.meta.index > state.commit);
  }

  /** The link to `peer` is gone. What comes from there may go on over another. */
  onLinkDown(peer: PeerId): void {
    this.#senders.get(peer)?.fail('the link closed');
  }

  /** Ends what is void once another server leads, or where the receiver is no member any more. */
  endOld(): void {
    const { role, leader, peers } = this.#parts.state;
    this.#receiver.onLeader(leader);
    for (const sender of this.#senders.values()) {
      if (role !== 'leader') sender.fail('this server leads no more');
      else if (!peers.has(sender.peer)) sender.fail('it is no member any more');
    }
  }

  /** Gives up what is being received. */
  abortReceiving(why: string): void {
    this.#receiver.abort(why);
  }

  /** Gives up everything. */
  stop(): void {
    this.#receiver.abort('this server stops');
    for (const sender of this.#senders.values()) sender.fail('this server stops');
  }
}
