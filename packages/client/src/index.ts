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
export type { BorrowStore } from './kept-borrow.ts';
export type { GrantState } from './logic/holding.ts';
export { type Borrowed, type OpenBorrow, type OpenBorrowOptions, openBorrow } from './open-borrow.ts';
export type {
  BorrowOptions,
  CheckoutOptions,
  ClientOptions,
  FeatureWish,
  Identity,
  SeatOptions,
  TrustOptions,
} from './options.ts';
