/** What `npm run bench` takes, as `parseArgs` wants it. */
export const benchOptions = {
  /** Failovers. */
  rounds: { type: 'string', default: '20' },
  /** Length of each line that is measured over time. */
  seconds: { type: 'string', default: '5' },
  /** The ledger alone. */
  ledger: { type: 'boolean', default: false },
} as const;
