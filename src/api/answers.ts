// The questions a flow may ask, answered as rows that dashboard widgets take: values as numbers, and as text beside them.
import type { Clock } from '../kernel/clock.ts';
import { expected, Fault } from '../kernel/fault.ts';
import { ledgerLines } from '../kernel/ledger.ts';
import type { Query } from '../reading/contracts.ts';
import { ledgerRows } from '../reading/ledger-row.ts';
import { latestAnomalies } from './anomalies.ts';
import { type Device, listDevices } from './devices.ts';
import { ago, shown } from './display.ts';
import { history } from './history.ts';
import { historyRequest } from './history-request.ts';
import { isProblem } from './problem.ts';
import { rateMeter, summarizer } from './summary.ts';
import { unknownDevices } from './unknown.ts';

/** Questions, and what they are about in words. */
export const questions = [
  ['summary', 'summary: devices, online, messages a second, anomalies'],
  ['devices', 'devices: with last value and age'],
  ['history', 'history: of one metric of one device, for a chart'],
  ['anomalies', 'anomalies: the latest of all devices'],
  ['ledger', 'ledger: what came in from each source and where it ended'],
  ['unknown', 'unknown: Bluetooth devices that no decoder knows, with a sample'],
] as const;
export type Ask = { what?: unknown } & Readonly<Record<string, unknown>>;

const MAX_ROWS = 200;
const DEFAULT_ROWS = 20;

/** `messages()` is the number of readings this process has handled. Rejects with a Fault, of kind data when the question is wrong. */
export function answerer(query: Query, clock: Clock, messages: () => number): (ask: Ask) => Promise<unknown> {
  const rate = rateMeter(clock);
  const summary = summarizer(query, clock);
  return async ask => {
    switch (ask.what) {
      case 'summary': {
        const figures = await summary();
        const perSecond = Math.round(rate(messages()) * 10) / 10;
        return { ...figures, messages_per_second: perSecond, messages_per_second_text: `${perSecond.toFixed(1)}/s` };
      }
      case 'devices':
        return (await listDevices(query)).map(device => deviceRow(device, clock.now()));
      case 'history':
        return chartPoints(query, ask, clock.now());
      case 'anomalies':
        return (await latestAnomalies(query, limitOf(ask))).map(row => ({
          ...row,
          why:
            [row.why ?? [], row.also.length > 0 ? `Odd with it: ${row.also.join(', ')}.` : []].flat().join(' ') || null,
          value_text: shown(row.metric, row.value),
          expected_text: shown(row.metric, row.expected),
          score_text: row.anomaly_score.toFixed(2),
          age: ago(row.time, clock.now()),
        }));
      case 'ledger':
        return ledgerRows(ledgerLines());
      case 'unknown':
        return (await unknownDevices(query, limitOf(ask))).map(row => ({
          ...row,
          age: ago(row.last_seen, clock.now()),
        }));
      default:
        throw new Fault(
          'FIELDLINE_MESSAGE',
          expected('query.what', `one of ${questions.map(([name]) => name).join(', ')}`, ask.what),
        );
    }
  };
}

/** Rows that are wanted, `points` of the question. */
function limitOf(ask: Ask): number {
  return Math.min(MAX_ROWS, Math.max(1, Math.floor(Number(ask['points'] ?? DEFAULT_ROWS)) || 1));
}

/** A line of the device table: the newest value stands for the device, all of them in `values`. */
function deviceRow(device: Device, nowMs: number): Record<string, unknown> {
  // By name where they are of one time: the table gives them in another order after each update.
  const values = Object.entries(device.latest).sort(
    ([one, a], [other, b]) => compared(b.timestamp, a.timestamp) || compared(one, other),
  );
  const [newest] = values;
  const latest = newest?.[1].value;
  return {
    device_id: device.device_id,
    name: device.name ?? device.device_id,
    class: device.class,
    online: device.online,
    state: device.online ? 'online' : 'offline',
    metric: newest?.[0] ?? null,
    value: typeof latest === 'number' ? significant(latest) : (latest ?? null),
    value_text: newest === undefined ? '–' : shown(newest[0], latest),
    values: values.map(([metric, { value }]) => `${metric} ${shown(metric, value)}`).join(', '),
    last_seen: device.last_seen,
    age: ago(device.last_seen, nowMs),
    rssi: device.rssi,
    battery: device.battery_estimate,
  };
}

const compared = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Points for a chart: x in milliseconds since 1970, y the mean, with the lowest and highest value of each point. */
async function chartPoints(query: Query, ask: Ask, nowMs: number): Promise<unknown> {
  const request = historyRequest(ask, nowMs);
  if (isProblem(request)) throw new Fault('FIELDLINE_MESSAGE', request.detail);
  const points = await history(query, request);
  return points.map(({ device_id, metric, time, avg, min, max, count }) => ({
    series: metric,
    device: device_id,
    x: Date.parse(time),
    y: significant(avg),
    min: significant(min),
    max: significant(max),
    count,
  }));
}

/** Charts and gauges print a number as it is: 2.750000000895319 would run out of its card. */
function significant(value: number | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return Math.abs(value) < 1 ? Number(value.toPrecision(6)) : Number(value.toFixed(4));
}
