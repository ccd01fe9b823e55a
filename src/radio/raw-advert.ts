// An advert as heard to the raw message that is archived and decoded: the JSON of seed 001, whatever the radio.
import type { Raw } from '../reading/raw.ts';
import type { HeardAdvert } from '../reading/radio.ts';

/** Topic `bt-mqtt/raw/{scanner}`; bytes are the JSON as it goes over MQTT (B05). */
export function rawAdvert(advert: HeardAdvert, scannerId: string): Raw {
  const { receivedAt, address, ...rest } = advert;
  const wire = { scanner_id: scannerId, timestamp: new Date(receivedAt).toISOString(), address, ...rest };
  const rssi = advert['rssi'];
  return {
    topic: `bt-mqtt/raw/${scannerId}`,
    bytes: Buffer.from(JSON.stringify(wire)),
    receivedAt,
    source: scannerId,
    protocol: 'bluetooth',
    deviceId: address,
    ...(typeof rssi === 'number' ? { signalStrength: rssi } : {}),
  };
}
