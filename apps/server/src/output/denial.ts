import type { WireDenial } from '@lic/protocol';
import { plain } from './print.ts';
import { spanText } from './readable.ts';

/** A denial for people, but for its sentence: what decided, what is known of the seats, who holds them. One line each. */
export function denialLines({ rule, holders = [], earliestMs, queued }: WireDenial, nowMs: number): readonly string[] {
  return [
    ...(rule === undefined
      ? []
      : [
          `decided by ${rule.source === 'server' ? 'the servers' : `the ${rule.source}`}: ${plain(rule.where)} = ${plain(rule.text)}`,
        ]),
    ...holders.map(({ user, host, count, sinceMs }) => {
      const seats = `${count} ${count === 1 ? 'seat' : 'seats'}`;
      return `${plain(user)}@${plain(host)} has held ${seats} for ${spanText(nowMs - sinceMs)}`;
    }),
    ...(queued === undefined || queued === 0 ? [] : [`waiting already: ${queued}`]),
    ...(earliestMs === undefined ? [] : [`more seats at the latest at ${new Date(earliestMs).toISOString()}`]),
  ];
}
