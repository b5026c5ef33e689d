import { type Ledger, type PolicyDocument, type PolicyExplanation, type PolicyPreview, ruleText } from '@lic/core';
import { checkPolicy, invalidPolicy, parsePolicy } from '@lic/core/policy-text';
import { LicError, type Runtime } from '@lic/interfaces';
import type { AdminRequest } from '@lic/protocol';
import type { Unstamped } from '../propose.ts';
import { inSlices } from './slices.ts';
import type { AdminOutcome } from './verbs.ts';

type PolicyRequest = Extract<AdminRequest, { verb: `policy${string}` }>;

/** What policy verbs are carried out with. */
export interface PolicyDeskParts {
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  /** Throws a `LicError` where the command is rejected. */
  readonly commit: (command: Unstamped) => Promise<void>;
}

/** Policy verbs, at the server in control: the file is read and checked here, and what it says goes through the log. */
export class PolicyDesk {
  readonly #parts: PolicyDeskParts;

  constructor(parts: PolicyDeskParts) {
    this.#parts = parts;
  }

  /** Throws `POLICY_INVALID` with the lines that are wrong, and what `commit` throws. */
  async run(request: PolicyRequest): Promise<AdminOutcome> {
    const { ledger, commit } = this.#parts;
    switch (request.verb) {
      case 'policyCheck': {
        const preview = await this.#preview(this.#read(request.text));
        return outcomeOf(summaryOf(preview, 'would be'), { ...preview });
      }
      case 'policyApply': {
        const document = this.#read(request.text);
        const preview = await this.#preview(document);
        await commit({ kind: 'policy', text: request.text, document });
        const message = `The policy is in force on all servers, with ${document.rules.length} rules.`;
        return outcomeOf([message, ...summaryOf(preview, 'are')], { rules: document.rules.length, ...preview });
      }
      case 'policyShow': {
        const policy = ledger.policy();
        if (policy === null) return outcomeOf(['No policy is in force: the license alone decides.'], { text: null });
        const rules = policy.document.rules.map((rule) => ({ line: rule.line, text: ruleText(rule) }));
        const message = `A policy with ${rules.length} rules is in force:`;
        return outcomeOf([message, ...policy.text.split('\n')], { text: policy.text, rules });
      }
      case 'policyExplain': {
        const { user, feature, host = '', display = '', address = '', project = '', product = '' } = request;
        if (!(ledger.license()?.features.some(({ name }) => name === feature) ?? false)) {
          const message = `"${feature}" is not licensed: no policy decides about it. \`lic status\` lists the features.`;
          throw new LicError('ADMIN_FAILED', message, { details: { reason: 'UNKNOWN_FEATURE', feature } });
        }
        const explanation = ledger.explainPolicy(feature, { user, host, display, address, project, product });
        return outcomeOf(explain(explanation, user, feature), { user, feature, ...explanation });
      }
    }
  }

  #preview(document: PolicyDocument): Promise<PolicyPreview> {
    const { runtime, ledger } = this.#parts;
    return inSlices(runtime, ledger.previewPolicy(document));
  }

  #read(text: string): PolicyDocument {
    const document = parsePolicy(text);
    const issues = checkPolicy(document, this.#parts.ledger.license()?.features ?? []);
    if (issues.length > 0) throw invalidPolicy(issues);
    return document;
  }
}

function summaryOf(
  { added, removed, areGroupsChanged, denied, deniedCount }: PolicyPreview,
  tense: string,
): readonly string[] {
  const groups = areGroupsChanged ? ' Groups change.' : '';
  return [
    `${added.length} rules ${tense} added, ${removed.length} removed.${groups}`,
    ...added.map((text) => `  + ${text}`),
    ...removed.map((text) => `  - ${text}`),
    deniedCount === 0
      ? 'Nobody who holds or waits would be denied now.'
      : `${deniedCount} who hold or wait now would be denied. They keep what they have, and get no more:`,
    ...denied.map(({ user, host, feature, code, rule, has }) => {
      const how = has === undefined ? '' : `, ${has} held or waited for`;
      return `  ${user}@${host} ${feature}: ${code}, line ${rule.line} (${rule.text})${how}`;
    }),
  ];
}

/** The first line is the sentence for people, the others are what it means in particular. */
function outcomeOf([message = '', ...lines]: readonly string[], facts: AdminOutcome['result']): AdminOutcome {
  return { message, result: { ...facts, lines } };
}

function explain(explanation: PolicyExplanation, user: string, feature: string): readonly string[] {
  const { allowed, code, rule, limits, reserved, keptForOthers, priority, idleMs, lingerMs, overdraft, borrow } =
    explanation;
  const settings = [
    ...(idleMs === undefined ? [] : [`idle grants end after ${idleMs / 1000} s`]),
    ...(lingerMs === undefined ? [] : [`seats linger ${lingerMs / 1000} s`]),
    ...(overdraft === undefined ? [] : [`${overdraft} seats of overdraft at most`]),
    ...(borrow === undefined ? [] : [`borrowing: ${JSON.stringify(borrow)}`]),
  ];
  return [
    allowed
      ? `The policy lets ${user} have "${feature}": no rule is against it.`
      : `The policy denies ${user} "${feature}": ${code}, line ${rule?.line} (${rule?.text}).`,
    ...limits.map(({ line, text, has, max }) => `  line ${line}: ${text}: ${has} of ${max} are held or waited for`),
    ...reserved.map(({ line, text, unused }) => `  line ${line}: ${text}: ${unused} still free for ${user}`),
    ...(keptForOthers > 0 ? [`  ${keptForOthers} free seats are reserved for others`] : []),
    ...(priority > 0 ? [`  priority ${priority} in the queue, line ${explanation.priorityRule?.line}`] : []),
    ...settings.map((setting) => `  ${setting}`),
  ];
}
