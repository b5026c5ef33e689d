import type { AdminRequest } from '@lic/protocol';
import type { Coverage } from './rare-paths.ts';

/** Recognises rare paths in what an operator asks and is answered: `done`, or the code of an error. */
export function operatorPaths(coverage: Coverage, request: AdminRequest, outcome: string): void {
  if (outcome === 'POLICY_INVALID') coverage.sometimes('policyRefused');
  if (outcome !== 'done') return;
  switch (request.verb) {
    case 'repair':
      coverage.sometimes('repaired');
      return;
    case 'policyCheck':
      coverage.sometimes('policyTried');
      return;
    case 'policyExplain':
      coverage.sometimes('policyExplained');
      return;
    case 'explain':
      coverage.sometimes('checkoutExplained');
      return;
    case 'reload':
      if (request.dryRun === true) coverage.sometimes('reloadTried');
      return;
    default:
      return;
  }
}
