import type { CloseReason } from '@lic/interfaces';
import type { ServerMessage } from '@lic/protocol';

/** A client's connection after its hello, as the desks see it. */
export interface ClientLink {
  /** For the log. */
  readonly id: number;
  readonly remote: string;
  readonly isOpen: boolean;
  /** How it ended; undefined while it has not. */
  readonly end: CloseReason | undefined;
  /** Sends a message; dropped after the end. */
  send(message: ServerMessage): void;
  /** Ends the connection in order. */
  close(): void;
}
