/** What is wrong with a policy, and where. */
export interface PolicyIssue {
  /** In the file, from 1. */
  readonly line: number;
  readonly message: string;
}
