import { encodeCommand } from '../command-codec.ts';
import type { LedgerCommand } from '../commands.ts';
import { createLedger } from '../create-ledger.ts';
import type { LedgerResult } from '../results.ts';
import { openCommand, startMs, testSettings } from './ledger-rig.ts';
import { features } from './model-licenses.ts';
import { type Key, keyOf, type ModelReply } from './model-replies.ts';
import { borrowMarginMs } from './model-terms.ts';
import { ReferenceModel } from './reference-model.ts';

/** What a command came to in both. */
export interface Lived {
  readonly result: LedgerResult;
  readonly modelReply: ModelReply;
  /** The command as it is in the log. */
  readonly bytes: Uint8Array;
}

/** A ledger and the model beside it, told the same. */
export class ModelLife {
  readonly model = new ReferenceModel(features, startMs);
  readonly ledger = createLedger({ verifyLicense: () => undefined });
  readonly opening = encodeCommand(openCommand(features, { settings: { ...testSettings, borrowMarginMs } }));
  readonly keys = new Map<string, Key>();
  readonly #ids = new Map<Key, string>();
  atMs = startMs;
  index = 0;

  constructor() {
    this.ledger.apply(++this.index, this.opening);
  }

  /** Applies a command that names grants and queue places by key. */
  apply(command: LedgerCommand): Lived {
    const bytes = encodeCommand(this.#withIds(command));
    const result = this.ledger.apply(++this.index, bytes);
    for (const event of result.events)
      if (event.kind === 'granted') this.#learn(event.grant.session, event.grant.checkoutSeq, event.grant.id);
    if (result.reply.kind === 'queued')
      this.#learn(result.reply.entry.session, result.reply.entry.checkoutSeq, result.reply.entry.id);
    return { result, bytes, modelReply: this.model.apply(command) };
  }

  #learn(session: string, seq: number, id: string): void {
    this.#ids.set(keyOf(session, seq), id);
    this.keys.set(id, keyOf(session, seq));
  }

  /** What the ledger is told: the ids of what the model knows by key. A key of nothing becomes an id of nothing. */
  #withIds(command: LedgerCommand): LedgerCommand {
    const idOf = (key: string) => this.#ids.get(key as Key) ?? 'g999999';
    if ('grants' in command) return { ...command, grants: command.grants.map(idOf) };
    if (command.kind === 'checkin') return { ...command, grant: idOf(command.grant) };
    return command.kind === 'assign' ? { ...command, entry: idOf(command.entry) } : command;
  }
}
