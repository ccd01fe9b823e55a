// Which series the values of a reading are of, by the settings; of a stored reading as far as its rows tell.
import type { Keys } from '../../src/anomaly/catch-up.ts';
import { seriesKey } from '../../src/anomaly/device.ts';
import { shortKey } from '../../src/anomaly/memories.ts';
import { boundedMap } from '../../src/kernel/bounded.ts';
import type { Host, Message } from '../../src/palette/define.ts';
import type { Settings } from '../../src/palette/fields.ts';
import type { Anomaly, Reading } from '../../src/reading/reading.ts';
import type { fields } from './fields.ts';

// Of a message only this is in the rows of its reading; of a sensor's other metrics each has a row of its own.
const IN_ROWS = /^payload\.(?:deviceId$|metadata\.(\w+))/;
const NOT_IN_ROWS = new Set([
  ...['receipt', 'entry', 'receivedAt', 'receivedScore', 'raw', 'rejected', 'digest', 'quality', 'rawHex'],
  ...['name', 'class', 'firmware', 'applicationId', 'lastMeasurement', 'scannerLocation'],
]);

type Parts = Pick<Reading, 'deviceId' | 'telemetry' | 'metadata'>;

type KeySettings = Pick<Settings<typeof fields>, 'series' | 'key' | 'maxSeries'>;

/**
 * `meant`: of a reading that a person sends back, of which hardly more is left than what was said of it; `stored`: undefined
 * where the key is of something that the rows of a reading do not tell; `lately`: of the last reading of a device, which is
 * its key as a rule; `named`: with the key, for what it is made of may not be stored with the reading.
 */
export function keysOf({ series, key, maxSeries }: KeySettings, host: Pick<Host, 'evaluate'>) {
  const last = boundedMap<string, string>(maxSeries);
  const told = (reading: Parts, message: Message): string => {
    if (series === 'auto') return seriesKey(reading);
    if (series === 'device') return reading.deviceId;
    const own = host.evaluate(key, { ...message, payload: reading });
    return shortKey(own === undefined || own === null ? reading.deviceId : String(JSON.stringify(own)));
  };
  const of = (reading: Parts, message: Message = {}): string => {
    const text = told(reading, message);
    if (series === 'key') last.set(shortKey(reading.deviceId), text);
    return text;
  };
  const meant = (reading: Parts, message: Message): string => {
    const { series: scored } = reading.metadata.anomaly ?? {};
    return series === 'key' && typeof scored === 'string' ? scored : told(reading, message);
  };
  const named = (anomaly: Anomaly, { deviceId }: Parts, text: string): Anomaly =>
    series === 'key' && text !== deviceId ? Object.assign(anomaly, { series: text }) : anomaly;
  const [inRows, name = ''] = IN_ROWS.exec(key.value) ?? [];
  const isStored = series !== 'key' || (inRows !== undefined && !NOT_IN_ROWS.has(name));
  const areDevices = (metric: string) => series === 'device' || (series === 'auto' && metric !== 'value_mm');
  const stored: Keys | undefined = isStored ? { of: reading => of(reading), areDevices } : undefined;
  return { of, meant, named, stored, lately: (device: string) => last.get(shortKey(device)) ?? device };
}
