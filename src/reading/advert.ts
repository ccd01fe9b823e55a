// The raw advert on the wire (seed 001, B05) and as the decoders take it.
import { z } from 'zod';
import { deviceName } from './payload.ts';

/** Scanner ids may hold a slash, as all below `bt-mqtt/raw/` is taken. */
const TOPIC = /^bt-mqtt\/(?:raw\/(.+)|scanner\/([^/]+)\/status)$/;

/** The scanner that an advert or a heartbeat comes from, in the one form that is stored: as it says itself, else as its topic says. */
export function scannerOf(payload: unknown, topic: string): string | undefined {
  const said = typeof payload === 'object' && payload !== null ? (payload as { scanner_id?: unknown }) : {};
  const [, advert, heartbeat] = TOPIC.exec(topic) ?? [];
  return deviceName(said.scanner_id) ?? deviceName(advert ?? heartbeat);
}

const hexMap = z.record(z.string(), z.string()).optional();

/** One advert as published on `bt-mqtt/raw/{scanner_id}`; company ids and short UUIDs are hex, values hex. */
const advertWire = z.looseObject({
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
