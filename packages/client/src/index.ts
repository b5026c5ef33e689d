/**
 * The license client that is embedded in products: checkouts that survive the loss of a server.
 *
 * @packageDocumentation
 */
export { type AdminResult, type Client, type ClientEvents, createClient } from './client.ts';
export { type ConnectOptions, connectTo, type ServerConnection } from './direct.ts';
export type { Listenable } from './emitter.ts';
export { type ClientErrorCode, clientErrorCodes } from './error-codes.ts';
export { ClientError, DenialError, isDenialError } from './errors.ts';
export type { Grant, GrantEvents } from './grant.ts';
export type { GrantState } from './logic/holding.ts';
export { type BorrowStore, keepBorrow, type OpenBorrow, type OpenBorrowOptions, openBorrow } from './open-borrow.ts';
export type { CheckoutOptions, ClientOptions, FeatureWish, Identity, SeatOptions, TrustOptions } from './options.ts';
