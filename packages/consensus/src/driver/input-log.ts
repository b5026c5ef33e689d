import type { RaftInput } from '../core/inputs.ts';
import type { Message } from '../core/messages.ts';

/** How many inputs are remembered. */
const INPUTS_MAX = 64;

/** One input, without the bytes that it brought. */
interface Slot {
  atMs: number;
  what: string;
  peer: string;
  term: number;
  /** What the kind of input is about, an index mostly, and how much of it. */
  index: number;
  count: number;
}

/** The newest inputs of a core, for the report of one that broke: cheap to keep, made into text only then. */
export class InputLog {
  readonly #slots: Slot[] = [];
  #next = 0;

  /** Notes what the core is told. */
  note(input: RaftInput, atMs: number): void {
    const slot = this.#slot(atMs, input.kind);
    switch (input.kind) {
      case 'message':
        noteMessage(slot, input.from, input.message);
        return;
      case 'stored':
        slot.index = input.id;
        return;
      case 'applied':
        slot.index = input.index;
        return;
      case 'link':
      case 'congestion':
      case 'peerLost':
        slot.peer = input.peer;
        slot.what = input.kind === 'link' ? `link ${input.up ? 'up' : 'down'}` : input.kind;
        return;
      case 'transfer':
      case 'snapshotFailed':
        slot.peer = input.to;
        return;
      case 'snapshotSent':
        slot.peer = input.to;
        slot.index = input.index;
        return;
      case 'snapshotSaved':
      case 'snapshotReceived':
        slot.term = input.meta.term;
        slot.index = input.meta.index;
        return;
      case 'compact':
        slot.index = input.through;
        return;
      case 'disk':
        slot.what = `disk ${input.state}`;
        return;
      case 'mute':
        slot.what = `mute ${input.reason}`;
        return;
      default:
        return;
    }
  }

  /** Notes what its owner asks of it. */
  noteCall(what: string, atMs: number): void {
    this.#slot(atMs, what);
  }

  /** One line for each, the oldest first. */
  lines(): string[] {
    const ordered = [...this.#slots.slice(this.#next), ...this.#slots.slice(0, this.#next)];
    return ordered.map(({ atMs, what, peer, term, index, count }) => {
      const parts = [`${Math.round(atMs)} ms`, what];
      if (peer !== '') parts.push(`peer ${peer}`);
      if (term > 0) parts.push(`term ${term}`);
      if (index > 0) parts.push(`at ${index}`);
      if (count > 0) parts.push(`with ${count}`);
      return parts.join(', ');
    });
  }

  #slot(atMs: number, what: string): Slot {
    let slot = this.#slots[this.#next];
    if (slot === undefined) {
      slot = { atMs, what, peer: '', term: 0, index: 0, count: 0 };
      this.#slots.push(slot);
    } else {
      slot.atMs = atMs;
      slot.what = what;
      slot.peer = '';
      slot.term = 0;
      slot.index = 0;
      slot.count = 0;
    }
    this.#next = (this.#next + 1) % INPUTS_MAX;
    return slot;
  }
}

function noteMessage(slot: Slot, from: string, message: Message): void {
  slot.what = message.type;
  slot.peer = from;
  slot.term = message.term;
  if (message.type === 'append') {
    slot.index = message.prevIndex;
    slot.count = message.entries.length;
  } else if (message.type === 'appendReply') slot.index = message.match;
  else if (message.type === 'round' || message.type === 'roundReply') slot.index = message.round;
  else if (message.type === 'snapshot') {
    slot.index = message.meta.index;
    slot.count = message.sequence;
  } else if ('granted' in message) slot.what = `${message.type} ${message.granted ? 'granted' : 'refused'}`;
}
