/**
 * Frames over TCP and TLS, for Node.
 *
 * @packageDocumentation
 */
export { type TcpLimits, type TcpOptions, tcpDefaults } from './options.ts';
export { tcp } from './tcp.ts';
