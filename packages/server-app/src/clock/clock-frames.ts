/** A frame of channel `clock`: what time is it, and what time it is. */
export type ClockMessage =
  | { readonly kind: 'question'; readonly id: number }
  /** `wallMs`: the sender's wall clock. */
  | { readonly kind: 'answer'; readonly id: number; readonly wallMs: number };

const questionType = 1;
const answerType = 2;
const questionBytes = 5;
const answerBytes = 13;

/** Type and number. `id` counts modulo 2^32. */
export function encodeQuestion(id: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(questionBytes));
  view.setUint8(0, questionType);
  view.setUint32(1, id);
  return new Uint8Array(view.buffer);
}

/** Type, the question's number, the wall clock in ms. */
export function encodeAnswer(id: number, wallMs: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(answerBytes));
  view.setUint8(0, answerType);
  view.setUint32(1, id);
  view.setFloat64(5, wallMs);
  return new Uint8Array(view.buffer);
}

/** Undefined for anything else, also a time that is no number. */
export function decodeClock(frame: Uint8Array): ClockMessage | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length === questionBytes && view.getUint8(0) === questionType)
    return { kind: 'question', id: view.getUint32(1) };
  if (frame.length !== answerBytes || view.getUint8(0) !== answerType) return undefined;
  const wallMs = view.getFloat64(5);
  return Number.isFinite(wallMs) ? { kind: 'answer', id: view.getUint32(1), wallMs } : undefined;
}
