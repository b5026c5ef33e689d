export type * from './ledger/commands.ts';
export type { Ledger } from './ledger/ledger-contract.ts';
export type * from './ledger/results.ts';
export * from './license/license.ts';
