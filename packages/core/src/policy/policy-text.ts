export { checkPolicy } from './check-policy.ts';
export type { PolicyIssue } from './issues.ts';
export { invalidPolicy, isPolicyInvalid, parsePolicy } from './parse-policy.ts';
