import type { LedgerCommand, LedgerResult } from '@lic/core';

/** An entry of the log in a few words. */
export function describeCommand(command: LedgerCommand, { reply, events }: LedgerResult): string {
  const session = 'session' in command ? ` ${command.session.slice(0, 6)}` : '';
  const code = 'code' in reply ? ` ${reply.code}` : '';
  const grants = events.flatMap((event) => ('grant' in event ? `${event.kind} ${event.grant.id}` : []));
  return `${command.kind}${session} → ${reply.kind}${code}${grants.length > 0 ? ` [${grants.join(', ')}]` : ''}`;
}
