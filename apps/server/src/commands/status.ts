import type { StatusReport } from '@lic/protocol';
import { runtime } from '@lic/runtime';
import { plain, print, printTable, style } from '../output/print.ts';
import { momentText, spanText } from '../output/readable.ts';
import { askStatus, bestReport, describeFailure, type StatusAnswer } from '../servers/ask.ts';
import { resolveAccess, resolveServers, type ServerListOptions } from '../servers/server-list.ts';

/** `lic status`: exit code 0 with a quorum, also degraded; 1 without, and the report is printed all the same. */
export async function status(options: ServerListOptions & { readonly json?: boolean }): Promise<number> {
  const servers = await resolveServers(options);
  const answers = await askStatus(servers, await resolveAccess(options));
  const report = bestReport(answers) ?? nothingReached(answers);
  if (options.json === true) print(JSON.stringify(report));
  else showStatus(report);
  return report.quorum ? 0 : 1;
}

/** The report where no server could be asked: who was asked, and nothing else is known. */
function nothingReached(answers: readonly StatusAnswer[]): StatusReport {
  return {
    quorum: false,
    stale: true,
    asOf: new Date(runtime.now()).toISOString(),
    degraded: true,
    inControl: null,
    term: 0,
    licenseHash: null,
    licenseTime: null,
    open: false,
    stateHash: null,
    hashIndex: null,
    servers: answers.map(({ server }, index) => ({
      rank: server.rank ?? index + 1,
      name: server.name === '' ? server.address : server.name,
      state: 'unreachable',
      addresses: [server.address],
    })),
    pools: [],
    grants: [],
    grantsCut: false,
    sessions: 0,
    notices: answers.flatMap((answer) =>
      'error' in answer ? [`${answer.server.address}: ${describeFailure(answer.error)}`] : [],
    ),
  };
}

/** A report for people. */
export function showStatus(report: StatusReport): void {
  print(headline(report));
  for (const notice of report.notices) print(`${style('yellow', '!')} ${plain(notice)}`);
  print('');
  printTable(
    ['RANK', 'SERVER', 'STATE', 'APPLIED', 'PID', 'CLOCK', 'ADDRESS'],
    report.servers.map((server) => [
      String(server.rank),
      plain(server.name),
      stateText(server),
      server.lastApplied === undefined ? '-' : String(server.lastApplied),
      server.pid === undefined ? '-' : String(server.pid),
      clockText(server),
      server.addresses[0] ?? '-',
    ]),
  );
  for (const { name, trouble } of report.servers)
    if (trouble !== undefined) print(`${style('yellow', '!')} ${plain(name)}: ${plain(trouble)}`);
  if (report.pools.length > 0) {
    print('');
    printTable(
      ['FEATURE', 'VERSION', 'SEATS', 'IN USE', 'FREE', 'WAITING', 'UNTIL'],
      report.pools.map(({ feature, version, count, overdraft, overdrawn, inUse, free, queued, expiresAt, inGrace }) => [
        feature,
        version,
        overdraft === undefined ? String(count) : `${count} + ${overdraft}`,
        overdrawn === undefined ? String(inUse) : `${inUse} (overdraft)`,
        free === null ? '-' : String(free),
        String(queued),
        expiresAt === undefined ? 'permanent' : `${momentText(expiresAt)}${inGrace === true ? ' (grace)' : ''}`,
      ]),
    );
  }
  if (report.grants.length === 0) return;
  const nowMs = runtime.now();
  print('');
  printTable(
    ['GRANT', 'FEATURE', 'SEATS', 'USER', 'HOST', 'HELD FOR', 'STATE'],
    report.grants.map(({ id, feature, count, user, host, since, state, inGrace, overdraft, share }) => [
      id,
      feature,
      String(count),
      plain(user),
      plain(host),
      spanText(nowMs - Date.parse(since)),
      [
        state,
        ...(share === undefined ? [] : ['shared']),
        ...(inGrace === true ? ['grace'] : []),
        ...(overdraft === true ? ['overdraft'] : []),
      ].join(', '),
    ]),
  );
  if (report.grantsCut) print(style('dim', `… and more: the first ${report.grants.length} are shown`));
}

function headline(report: StatusReport): string {
  const { quorum, degraded, inControl, servers, term, asOf, open } = report;
  const who = servers.find(({ rank }) => rank === inControl);
  if (servers.every(({ state }) => state === 'unreachable'))
    return `${style('red', 'No server could be reached')}: nothing is known of seats and grants.`;
  if (!quorum) {
    const known = asOf === undefined ? '' : ` What follows was known at ${asOf.slice(0, 19).replace('T', ' ')} UTC.`;
    return `${style('red', 'No quorum')}: nothing new is granted, and nothing is taken away.${known}`;
  }
  const word = degraded ? style('yellow', 'Degraded') : style('green', 'In sync');
  const closed = open ? '' : ' Checkouts are not open yet.';
  return `${word}: ${who?.name ?? 'a server'} (rank ${inControl}) is in control, term ${term}.${closed}`;
}

function stateText({ state, drained, member }: StatusReport['servers'][number]): string {
  const notes = [...(drained === true ? ['drained'] : []), ...(member === 'none' ? ['not a member yet'] : [])];
  const text = [state, ...notes].join(', ');
  if (state === 'in-control') return style('green', text);
  return state === 'standby' ? text : style('yellow', text);
}

function clockText({ clockAlarm, clockOffsetMs }: StatusReport['servers'][number]): string {
  if (clockAlarm === true) return style('red', 'ALARM');
  if (clockOffsetMs === undefined) return '-';
  return `${clockOffsetMs >= 0 ? '+' : ''}${clockOffsetMs} ms`;
}
