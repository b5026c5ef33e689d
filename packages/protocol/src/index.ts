/**
 * What a license client and a license server say to each other: JSON text frames, described by schemas that are also
 * published as JSON Schema (`schema/`) and told as a story in `docs/protocol.md`.
 *
 * @packageDocumentation
 */
export {
  type AdminMessage,
  type AdminRequest,
  acknowledgeSchema,
  adminSchema,
  type BorrowMessage,
  borrowSchema,
  type CheckoutMessage,
  type ClientMessage,
  cancelSchema,
  checkinSchema,
  checkoutSchema,
  clientMessageSchema,
  goodbyeSchema,
  type HelloMessage,
  heartbeatSchema,
  helloSchema,
  presentSchema,
  type ResumeMessage,
  resumeSchema,
  returnSchema,
  type SessionMessage,
  statusSchema,
} from './client-messages.ts';
export { decodeClientMessage, decodeServerMessage, encodeClientMessage, encodeServerMessage } from './codec.ts';
export { type ErrorCode, errorCodes } from './codes.ts';
export { protocolLimits, protocolVersions } from './limits.ts';
export { negotiate, type VersionRange } from './negotiate.ts';
export {
  adminAnswerSchema,
  borrowedMessageSchema,
  controlMessageSchema,
  deniedSchema,
  doneSchema,
  type ErrorMessage,
  endedSchema,
  endingSchema,
  errorSchema,
  grantedSchema,
  heartbeatAnswerSchema,
  heartbeatRefusedSchema,
  movingSchema,
  presentedSchema,
  queuedSchema,
  resumedSchema,
  returnedSchema,
  type ServerMessage,
  serverMessageSchema,
  statusAnswerSchema,
  type WelcomeMessage,
  welcomeSchema,
} from './server-messages.ts';
export {
  type ControlHint,
  controlHintSchema,
  denialSchema,
  endReasonSchema,
  grantSchema,
  id128Schema,
  nameSchema,
  nonceSchema,
  queuePlaceSchema,
  type ServerState,
  type StatusReport,
  serverStateSchema,
  statusReportSchema,
  type WireBorrow,
  type WireDenial,
  type WireGrant,
  type WireQueuePlace,
} from './values.ts';
export { welcomeContext, welcomeText } from './welcome-text.ts';
