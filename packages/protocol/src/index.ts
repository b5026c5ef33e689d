export * from './client-messages.ts';
export * from './codes.ts';
export * from './limits.ts';
export * from './server-messages.ts';
export * from './values.ts';
