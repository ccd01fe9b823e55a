// What a raw message is, told by its topic or itself: which decoder takes it when it comes out of the archive or the dead letters.
import { deviceName, isJson, parseJson } from './payload.ts';

/** advert: advert-decode. frame: laser-decode. message: normalize. modbus: none, its register map is not archived. */
export type RawKind = 'advert' | 'frame' | 'message' | 'modbus';

/** Topics of the sources: adverts at `bt-mqtt/raw` and below, as the filter `bt-mqtt/raw/#` takes both; frames of GATT links below `ble/`. */
export function kindOf(topic: string): RawKind {
  if (`${topic}/`.startsWith('bt-mqtt/raw/')) return 'advert';
  if (topic.startsWith('ble/')) return 'frame';
  return topic.startsWith('modbus/') ? 'modbus' : 'message';
}

const ADVERT_FIELDS = ['rssi', 'manufacturer_data', 'service_data', 'service_uuids'] as const;

/**
 * Scanners may have another prefix than `bt-mqtt`: `{prefix}/raw/{scanner}` with an advert of that scanner is an advert, too.
 * The function is_advert of the database says the same.
 */
function isAdvert(topic: string, bytes: Uint8Array): boolean {
  if (!topic.includes('/raw/')) return false;
  const content = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  const advert: unknown = Array.isArray(content) ? content[0] : content;
  if (!isJson(advert) || typeof advert['address'] !== 'string') return false;
  return (
    topic.endsWith(`/raw/${deviceName(advert['scanner_id'])}`) &&
    ADVERT_FIELDS.some(field => Object.hasOwn(advert, field))
  );
}

/** The members of each kind, in their order. Below `modbus/` it is messages alone: frames are not sent again. */
export function byKind<T extends { topic: string; bytes: Uint8Array }>(
  members: readonly T[],
): Readonly<Record<Exclude<RawKind, 'modbus'>, readonly T[]>> {
  const sorted: Record<Exclude<RawKind, 'modbus'>, T[]> = { advert: [], frame: [], message: [] };
  for (const member of members) sorted[decoderOf(member)].push(member);
  return sorted;
}

/** Which decoder takes a message that is sent again. */
export function decoderOf({ topic, bytes }: { topic: string; bytes: Uint8Array }): Exclude<RawKind, 'modbus'> {
  const kind = kindOf(topic);
  if (kind === 'advert' || kind === 'frame') return kind;
  return isAdvert(topic, bytes) ? 'advert' : 'message';
}
