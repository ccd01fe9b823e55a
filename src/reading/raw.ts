// The raw message of any source: what is archived before anything is decoded, and what decoders take.
import { digest } from '../kernel/bytes.ts';
import type { Protocol, Receipt } from './reading.ts';

export type Raw = {
  /** MQTT topic, or a path of the same form for other sources: `ble/{scanner}/{address}/{characteristic}`, `modbus/{bus}/{unit}`. */
  topic: string;
  bytes: Uint8Array;
  /** Milliseconds since the epoch at first receipt; the same again on a redelivery where the source can know it. */
  receivedAt: number;
  /** Scanner id or source name: `scanner_id` of raw_advertisements. */
  source: string;
  protocol: Protocol;
  /** Device the source already knows (BLE address of a GATT link). */
  deviceId?: string;
  signalStrength?: number;
  /** Organisation of the key that it came with; no message says it of itself. */
  orgId?: string;
  receipt?: Receipt;
  /** What the source knows of these bytes already; see `digestOf`. */
  known?: { bytes: Uint8Array; digest: string };
  /** Number at the source, rising, the same again on every delivery; where the source keeps such numbers over restarts. */
  sequence?: number;
  /** Its entry in the ledger, which nodes pass on with what they make of it. */
  entry?: string;
};

export function isRaw(value: unknown): value is Raw {
  if (typeof value !== 'object' || value === null) return false;
  const it = value as Partial<Raw>;
  return typeof it.topic === 'string' && it.bytes instanceof Uint8Array && typeof it.receivedAt === 'number';
}

/** Digest of the message as received. What a source found out counts only for its own bytes: a node may have put others in their place. */
export function digestOf({ bytes, known }: Raw): string {
  return known?.bytes === bytes ? known.digest : digest(bytes);
}
