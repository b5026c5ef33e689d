/**
 * Frames over WebSockets, for Node. What is outside `node/` runs in a browser too.
 *
 * @packageDocumentation
 */
export { type WsLimits, wsDefaults } from './limits.ts';
export type { WsOptions } from './node/options.ts';
export { ws } from './node/ws.ts';
