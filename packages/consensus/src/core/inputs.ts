import type { LogEntry, PeerId, SnapshotMeta, Vote } from '@lic/interfaces';
import type { Message, Outgoing } from './messages.ts';
import type { MuteReason } from './state.ts';

/** Everything that can happen to a core. Time is said beside each input, not in it. */
export type RaftInput =
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: Message }
  /** Time went by; needed at {@link RaftCore.wakeAt} at the latest. */
  | { readonly kind: 'tick' }
  /** The store finished write `id`: everything in it is on disk. */
  | { readonly kind: 'stored'; readonly id: number }
  /** What the disk is like. `full` may get well again (a later `stored` says so too), `failed` does not. */
  | { readonly kind: 'disk'; readonly state: 'well' | 'full' | 'failed' }
  /** The machine has applied everything up to `index`. */
  | { readonly kind: 'applied'; readonly index: number }
  | { readonly kind: 'link'; readonly peer: PeerId; readonly up: boolean }
  /** The link to `peer` has too much to carry, or not any more. */
  | { readonly kind: 'congestion'; readonly peer: PeerId; readonly on: boolean }
  /** The last link to `peer` closed and a re-dial failed (`PeerNetwork.onLost`). */
  | { readonly kind: 'peerLost'; readonly peer: PeerId }
  /** Hand control to `to`. {@link Ready.transferFailed} says if that came to nothing. */
  | { readonly kind: 'transfer'; readonly to: PeerId }
  | { readonly kind: 'electable'; readonly on: boolean }
  /** This server's place by rank among the members, from 0, and how many they are. */
  | { readonly kind: 'rank'; readonly position: number; readonly positions: number }
  /** From now on it only watches who leads; one that leads asks another to take over first. */
  | { readonly kind: 'mute'; readonly reason: MuteReason }
  /** It is suspended no more. */
  | { readonly kind: 'unmute' }
  /** A snapshot of the own machine is on disk. */
  | { readonly kind: 'snapshotSaved'; readonly meta: SnapshotMeta }
  /** Entries through this index are in a snapshot and need not be kept in memory. */
  | { readonly kind: 'compact'; readonly through: number }
  /** A snapshot from the leader is on disk. */
  | { readonly kind: 'snapshotReceived'; readonly meta: SnapshotMeta }
  /** `to` has the snapshot at `index` on its disk. */
  | { readonly kind: 'snapshotSent'; readonly to: PeerId; readonly index: number }
  /** Sending a snapshot to `to` failed. */
  | { readonly kind: 'snapshotFailed'; readonly to: PeerId };

/** What the store is to do next. Only one is out at a time; what comes meanwhile goes in the next. */
export interface WriteRequest {
  readonly id: number;
  /** First of all: `LogStore.resetTo`. */
  readonly reset: SnapshotMeta | null;
  readonly vote: Vote | null;
  readonly entries: readonly LogEntry[];
}

/** What a core wants done after its newest inputs. The order of the fields is the order to do it in. */
export interface Ready {
  /** To send now. Acknowledgements and votes are among them only once the disk has what they speak of. */
  readonly messages: readonly Outgoing[];
  readonly write: WriteRequest | null;
  /** Restore the machine from the newest stored snapshot, which is this one, before anything else is applied. */
  readonly restore: SnapshotMeta | null;
  /** To apply in this order. */
  readonly committed: readonly LogEntry[];
  /** Reads that wait for rounds up to this one may go. Valid while the term lasts. */
  readonly readsThrough: number;
  /** Peers that need the newest stored snapshot. */
  readonly snapshotsFor: readonly PeerId[];
  readonly transferFailed: boolean;
}
