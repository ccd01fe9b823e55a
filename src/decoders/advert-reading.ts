// From a decoded advert to the reading: who, when, what, and how it came here.
import type { Advert } from '../reading/advert.ts';
import type { Metadata, Reading, Receipt } from '../reading/reading.ts';
import { neededReceipt, timeOf } from '../reading/time.ts';
import type { AdvertDecoder, DecodedAdvert } from './define.ts';
import { organisationOf } from '../reading/demo.ts';

/** How the advert came here. */
export type Heard = {
  /** Milliseconds since the epoch. */
  receivedAt: number;
  /** When the scanner heard it, as the message says. */
  timestamp?: unknown;
  scannerId?: string;
  digest?: string;
  receipt?: Receipt;
};

export const UNKNOWN_DEVICE = 'unknown';

export function advertReading(advert: Advert, decoder: AdvertDecoder, decoded: DecodedAdvert, heard: Heard): Reading {
  const time = timeOfAdvert(decoded.time, heard);
  const deviceId = advert.address ?? UNKNOWN_DEVICE;
  const { battery } = decoded.telemetry;
  const receipt = neededReceipt(time, heard.receipt);
  const metadata: Metadata = {
    ...(advert.rssi === undefined ? {} : { signalStrength: advert.rssi }),
    ...(typeof battery === 'number' ? { batteryLevel: battery } : {}),
    ...(advert.name === undefined ? {} : { name: advert.name }),
    parser: decoder.name,
    vendor: decoder.vendor,
    ...(decoded.deviceModel === undefined ? {} : { model: decoded.deviceModel }),
    ...decoded.metadata,
    ...(decoded.counter === undefined ? {} : { counter: decoded.counter.value }),
    ...(decoded.quality === undefined || Object.keys(decoded.quality).length === 0 ? {} : { quality: decoded.quality }),
    ...(time.timestampSource === undefined ? {} : { timestampSource: time.timestampSource }),
    ...(time.deviceTimestamp === undefined ? {} : { deviceTimestamp: time.deviceTimestamp }),
    ...organisationOf(deviceId),
    receivedAt: heard.receivedAt,
    ...(heard.scannerId === undefined ? {} : { scannerId: heard.scannerId }),
    ...(heard.digest === undefined ? {} : { digest: heard.digest }),
    ...(receipt === undefined ? {} : { receipt }),
  };
  return {
    deviceId,
    protocol: 'bluetooth',
    timestamp: time.timestamp,
    telemetry: decoded.telemetry,
    metadata,
  };
}

/** The device's own time where it is usable, else the scanner's, else that of receipt. */
function timeOfAdvert(ownTime: DecodedAdvert['time'], { timestamp, receivedAt }: Heard): ReturnType<typeof timeOf> {
  const own = timeOf(ownTime, receivedAt);
  if (own.timestampSource === undefined) return own;
  const heard = timeOf(timestamp, receivedAt);
  return own.deviceTimestamp === undefined ? heard : { ...heard, deviceTimestamp: own.deviceTimestamp };
}
