// What the launcher and the broker's process say to each other at its beginning and end; the rest is said by src/mqtt.
import type { FaultCode, FaultKind } from '../src/kernel/fault.ts';

/** `guarded`: each client is asked for a login, which the gateway checks. */
export type Open = { file: string; host: string; port: number; guarded: boolean };
/** `ask`: answered at once by whoever works. */
export type ToProcess = { open: Open } | { close: true } | { ask: true };
export type FromProcess =
  | { answered: true }
  /** `loss`: what a damaged journal has lost, in words. */
  | { opened: { host: string; port: number }; loss: string | undefined }
  | { unopened: { code: FaultCode; kind: FaultKind; reason: string } };
