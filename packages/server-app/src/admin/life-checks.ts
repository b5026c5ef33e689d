import { LicError } from '@lic/interfaces';
import type { ServerState } from '@lic/protocol';
import type { OwnLife } from './own-life.ts';

/** Another server of the license, as it answers now. */
export interface OtherServer {
  readonly name: string;
  readonly state: ServerState | 'unreachable';
}

/**
 * What mends this server: `refill` drops its folder, `reopen` keeps it. Throws `REPAIR_NOT_NEEDED`, and `REPAIR_NOT_POSSIBLE` where
 * neither would help.
 */
export function repairOf(own: OwnLife, server: string): { readonly kind: 'refill' | 'reopen'; readonly why: string } {
  const { folder, failure, damage, status, view, isDoubled, isRecovering } = own;
  if (isDoubled)
    throw notPossible(server, 'two processes answer under its identity. Stop one, or see `lic recover --keep`.');
  if (isRecovering) throw notPossible(server, 'it is being recovered, and is the only one that has anything.');
  if (failure?.code === 'FOLDER_FORMAT_UNKNOWN') throw notPossible(server, failure.message);
  if (failure !== null)
    return { kind: failure.code === 'FOLDER_RECORD_INVALID' ? 'refill' : 'reopen', why: failure.message };
  if (folder === 'data') return { kind: 'refill', why: 'its log has lost the record of the triad that it belongs to.' };
  if (damage !== undefined)
    return { kind: 'refill', why: `${damage.file} is damaged at byte ${damage.offset}: ${damage.what}` };
  const trouble = status?.trouble ?? null;
  if (status !== null && trouble !== null) {
    const isOut = status.state === 'learner' || status.state === 'fenced';
    return { kind: isOut ? 'refill' : 'reopen', why: trouble };
  }
  const what = view.trouble === null ? '' : ` It says: ${view.trouble}`;
  throw new LicError(
    'REPAIR_NOT_NEEDED',
    `${server} is ${view.state}, and its disk is neither damaged nor rolled back nor failed: there is nothing to repair.${what}`,
    { details: { server, state: view.state } },
  );
}

/** Throws `REPAIR_NOT_POSSIBLE` where the others can't refill this server and count it in again, so that its own copy may be needed. */
export function checkRefill(server: string, others: readonly OtherServer[]): void {
  if (others.length === 0) {
    throw notPossible(
      server,
      'it is the only server of its license: what it holds is the only copy. See `lic recover`.',
    );
  }
  const isFit = ({ state }: OtherServer): boolean => state === 'in-control' || state === 'standby';
  if (others.every(isFit) && others.some(({ state }) => state === 'in-control')) return;
  const states = others.map(({ name, state }) => `${name} is ${state}`).join(', ');
  throw notPossible(
    server,
    `${states}. Both others must be up and in sync, one of them in control: they count it in again, and until then its own copy may be ` +
      'the last good one. Start them; if they are gone for good, see `lic recover`.',
    { others: others.map(({ name, state }) => ({ name, state })) },
  );
}

/** Throws `RECOVER_NOT_NEEDED` where a quorum is there or can be had, `RECOVER_NOT_POSSIBLE` where there is nothing to go on from. */
export function checkRecovery(own: OwnLife, server: string, others: readonly OtherServer[]): void {
  const { folder, failure, view, isRecovering, isDoubled } = own;
  const details = { server, state: view.state };
  if (isDoubled) {
    const why = `${server} has another process under its identity. Stop one, or see \`lic recover --keep\`.`;
    throw new LicError('RECOVER_NOT_POSSIBLE', why, { details });
  }
  if (folder === 'empty' || folder === undefined) {
    const what = folder === undefined ? (failure?.message ?? '') : 'Its data folder is empty. To begin anew: lic form.';
    throw new LicError('RECOVER_NOT_POSSIBLE', `${server} has nothing to go on from. ${what}`, { details });
  }
  if (isRecovering) throw new LicError('RECOVER_NOT_NEEDED', `${server} is being recovered already.`, { details });
  const sound = others.filter(({ state }) => holdsVote.has(state));
  const isIn = view.state === 'in-control' || view.state === 'standby';
  if (!isIn && sound.length === 0) return;
  const who = sound.map(({ name, state }) => `${name} is ${state}`).join(', ');
  throw new LicError(
    'RECOVER_NOT_NEEDED',
    isIn
      ? `${server} is ${view.state}: there is a quorum, and nothing to recover.`
      : `${who}: with a sound copy of the log. With ${server} in order it makes a quorum; if this one is damaged, recover there instead.`,
    { details: { ...details, others: others.map(({ name, state }) => ({ name, state })) } },
  );
}

/** Such a server has a vote and a sound log. */
const holdsVote: ReadonlySet<OtherServer['state']> = new Set(['in-control', 'standby', 'candidate', 'isolated']);

function notPossible(server: string, why: string, details: object = {}): LicError {
  return new LicError('REPAIR_NOT_POSSIBLE', `${server} can't be repaired: ${why}`, {
    details: { server, ...details },
  });
}
