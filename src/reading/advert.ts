// The raw advert on the wire (seed 001, B05) and as the decoders take it.
import { z } from 'zod';

/** The scanner of `bt-mqtt/raw/{scanner_id}` and `bt-mqtt/scanner/{scanner_id}/status`; undefined for other topics. */
export function scannerOfTopic(topic: string): string | undefined {
  return /^bt-mqtt\/(?:raw|scanner)\/([^/]+)(?:\/status)?$/.exec(topic)?.[1];
}

const hexMap = z.record(z.string(), z.string()).optional();

/** One advert as published on `bt-mqtt/raw/{scanner_id}`; company ids and short UUIDs are hex, values hex. */
export const advertWire = z.looseObject({
  scanner_id: z.string().min(1).max(200),
  timestamp: z.union([z.string(), z.number()]).optional(),
  address: z.string().max(64).optional(),
  name: z.string().nullish(),
  rssi: z.number().nullish(),
  tx_power: z.number().nullish(),
  manufacturer_data: hexMap,
  service_data: hexMap,
  service_uuids: z.array(z.string()).optional(),
});
export type AdvertWire = z.infer<typeof advertWire>;

/** An advert as decoders see it. Keys: company id as 4 lower-case hex digits, 16-bit UUIDs as 4, longer ones whole. */
export type Advert = {
  /** Upper case with colons, or undefined where unknown. */
  address: string | undefined;
  name: string | undefined;
  rssi: number | undefined;
  manufacturerData: ReadonlyMap<string, Uint8Array>;
  serviceData: ReadonlyMap<string, Uint8Array>;
  serviceUuids: readonly string[];
  /** Key of an encrypted device, 16 bytes. */
  bindkey?: Uint8Array;
};
