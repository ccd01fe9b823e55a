// Readings that nobody hears: while no client is there, of each device only those wait that its newest rows are made of.
import { type Reading, type ReadingTable, tableOf } from '../reading/reading.ts';
import { isLate } from './latest.ts';
import { heardAt, metricsOf } from './publication.ts';

export type Unheard = {
  /** Devices of which something waits. */
  readonly size: number;
  /** False when it cannot wait: those that do have to be taken first, and then it is this one's turn. */
  add(reading: Reading): boolean;
  /** What waits, of each device in order; the device that was heard last comes last. Nothing waits any more. */
  take(): readonly Reading[];
};

type Waiting = { reading: Reading; table: ReadingTable; heard: number; tells: number };

const MAX_DEVICES = 5000;
/** Of one device: it may tell of several things in turn. */
const MAX_READINGS = 8;
/** A longer text may be too long for a snapshot, and then shows nothing of what it replaces. */
const MAX_TEXT = 500;

// What a row takes from an earlier one where its own reading is silent, a bit for each.
const APPLICATION = 1;
const LAST_MEASUREMENT = 2;
const ORG = 4;
const ofMetadata: ReadonlyMap<string, number> = new Map([
  ['applicationId', APPLICATION],
  ['lastMeasurement', LAST_MEASUREMENT],
  ['orgId', ORG],
  ['signalStrength', 8],
  ['firmware', 16],
  ['connected', 32],
  ['batteryLevel', 64],
  ['measurementsToday', 128],
]);
const ofTelemetry: ReadonlyMap<string, { bit: number; type: string }> = new Map([
  ['connected', { bit: 32, type: 'boolean' }],
  ['battery', { bit: 64, type: 'number' }],
  ['measurements_today', { bit: 128, type: 'number' }],
]);

export function unheardReadings(): Unheard {
  // Of each device in order of when it was heard, so that what was told before holds for what was told later.
  const devices = new Map<string, Waiting[]>();

  return {
    get size() {
      return devices.size;
    },
    add(reading) {
      const it = waitingOf(reading);
      if (it === undefined) return false;
      const { deviceId } = reading;
      const list = devices.get(deviceId);
      if (list === undefined) {
        if (devices.size >= MAX_DEVICES) return false;
        devices.set(deviceId, [it]);
        return true;
      }
      if (it.heard < list.at(-1)!.heard) return false;
      const at = list.findLastIndex((older, at) => covers(it, older) && !lends(older, list, at));
      if (at !== -1) list.splice(at, 1);
      else if (list.length >= MAX_READINGS) return false;
      list.push(it);
      devices.delete(deviceId);
      devices.set(deviceId, list);
      return true;
    },
    take() {
      const all = [...devices.values()].flatMap(list => list.map(({ reading }) => reading));
      devices.clear();
      return all;
    },
  };
}

/** Undefined where a text is long, or nobody can say when it was heard. One pass: this is done for every reading. */
function waitingOf(reading: Reading): Waiting | undefined {
  const { telemetry, metadata } = reading;
  const heard = heardAt(reading);
  if (Number.isNaN(heard)) return undefined;
  const table = tableOf(telemetry);
  let tells = table === 'measurements' ? LAST_MEASUREMENT : 0;
  for (const key in metadata) {
    const value = metadata[key];
    if (isLong(value)) return undefined;
    if (value !== undefined && value !== null) tells |= ofMetadata.get(key) ?? 0;
  }
  for (const metric in telemetry) {
    if (isLong(telemetry[metric])) return undefined;
    const told = ofTelemetry.get(metric);
    if (told !== undefined && typeof telemetry[metric] === told.type) tells |= told.bit;
  }
  if (metadata.quality !== undefined && Object.values(metadata.quality).some(isLong)) return undefined;
  return { reading, table, heard, tells };
}

/** Does nothing of the rows of `older` show once those of `newer` are there? Both are of one device, `newer` heard later. */
function covers(newer: Waiting, older: Waiting): boolean {
  if (newer.table !== older.table || (older.tells & ~newer.tells) !== 0) return false;
  if (isLate(newer.reading.timestamp, older.reading.timestamp)) return false;
  if ((older.tells & ORG) !== 0 && isOfAnother(newer, older.reading.metadata.orgId)) return false;
  if (newer.table !== 'sensor_readings') return true;
  const metrics = metricsOf(newer.reading);
  return metricsOf(older.reading).every(metric => metrics.includes(metric));
}

/**
 * The rows of readings that name no application are of the one that an earlier reading named; a device is of the
 * organisation that was named first.
 */
function lends({ tells, reading }: Waiting, list: readonly Waiting[], at: number): boolean {
  const later = list.slice(at + 1);
  if ((tells & APPLICATION) !== 0 && later.some(one => (one.tells & APPLICATION) === 0)) return true;
  return (tells & ORG) !== 0 && later.some(one => isOfAnother(one, reading.metadata.orgId));
}

function isOfAnother({ tells, reading }: Waiting, org: unknown): boolean {
  return (tells & ORG) !== 0 && reading.metadata.orgId !== org;
}

function isLong(value: unknown): boolean {
  return typeof value === 'string' && value.length > MAX_TEXT;
}
