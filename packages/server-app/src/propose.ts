import { encodeCommand, type LedgerCommand, type LedgerResult } from '@lic/core';
import type { Consensus } from '@lic/interfaces';

/** A command as a desk writes it; the agreed clock is stamped on it when it is proposed. */
export type Unstamped<Command extends LedgerCommand = LedgerCommand> = Command extends LedgerCommand
  ? Omit<Command, 'at'>
  : never;

/** The one way in for every change of license state: stamps, encodes and replicates. Errors are those of `Consensus.propose`. */
export type Propose = (command: Unstamped) => Promise<LedgerResult>;

/** Joins the agreed clock and the consensus engine. */
export function createPropose(consensus: Consensus<LedgerResult>, stampMs: () => number): Propose {
  return async (command) => {
    const stamped = { ...command, at: stampMs() } as LedgerCommand;
    return (await consensus.propose(encodeCommand(stamped))).result;
  };
}
