// The records of Victron's instant readout: fields in the order in which their bits stand, lowest bit first.
import type { Value } from '../../../reading/reading.ts';
import { rounded } from '../shared/numbers.ts';
import {
  acInput,
  alarmNotification,
  alarmReason,
  auxMode,
  balancerStatus,
  chargerError,
  inverterMode,
  meterType,
  offReason,
  operationMode,
  outputState,
  type Words,
} from './words.ts';

/** `none` is the pattern that says "not available". A number is raw / over + offset. */
export type Field = {
  name: string;
  bits: number;
  signed?: boolean;
  none?: number;
  over?: number;
  offset?: number;
  words?: Words;
};
export type VictronRecord = {
  model: string;
  fields: readonly Field[];
  /** What fields say only together. */
  finish?(telemetry: Record<string, Value>, raw: ReadonlyMap<string, number>): void;
};

const word = (name: string, bits: number, words: Words, none?: number): Field => ({
  name,
  bits,
  words,
  ...(none === undefined ? {} : { none }),
});
/** All ones say "not available". */
const unsigned = (name: string, bits: number, over = 1, offset = 0): Field => ({
  name,
  bits,
  over,
  offset,
  none: 2 ** bits - 1,
});
/** The highest positive number says "not available". */
const signed = (name: string, bits: number, over = 1): Field => ({
  name,
  bits,
  over,
  signed: true,
  none: 2 ** (bits - 1) - 1,
});
const flags = (name: string, bits: number): Field => ({ name, bits });

const state = word('device_state', 8, operationMode, 0xff);
const charge = word('charge_state', 8, operationMode, 0xff);
const error = word('charger_error', 8, chargerError, 0xff);
const off = word('off_reason', 32, offReason);
const celsius = (name: string): Field => unsigned(name, 7, 1, -40);

const KELVIN = 273.15;

/** The auxiliary input is what its mode says. */
function auxiliary(telemetry: Record<string, Value>, raw: ReadonlyMap<string, number>): void {
  const aux = raw.get('aux') ?? 0;
  delete telemetry['aux'];
  switch (raw.get('aux_mode')) {
    case 0:
      telemetry['starter_voltage'] = ((aux << 16) >> 16) / 100;
      break;
    case 1:
      telemetry['midpoint_voltage'] = aux / 100;
      break;
    case 2:
      if (aux !== 0 && aux !== 0xffff) telemetry['temperature'] = rounded(aux / 100 - KELVIN, 2);
      break;
  }
}

/** Devices without an alarm leave its code 0. */
function withoutEmptyAlarm(telemetry: Record<string, Value>, raw: ReadonlyMap<string, number>): void {
  if (raw.get('alarm') === 0) delete telemetry['alarm'];
}

const battery = [
  unsigned('remaining_mins', 16),
  signed('voltage', 16, 100),
  word('alarm', 16, alarmReason),
  flags('aux', 16),
  word('aux_mode', 2, auxMode),
  { ...signed('current', 22, 1000), none: 0x3fffff },
  unsigned('consumed_ah', 20, -10),
  unsigned('soc', 10, 10),
];

export const batterySense: VictronRecord = {
  model: 'Smart Battery Sense',
  fields: battery,
  finish(telemetry, raw) {
    auxiliary(telemetry, raw);
    for (const metric of Object.keys(telemetry))
      if (metric !== 'voltage' && metric !== 'temperature') delete telemetry[metric];
  },
};

/** By record type. */
export const records: ReadonlyMap<number, VictronRecord> = new Map<number, VictronRecord>([
  [
    0x01,
    {
      model: 'Solar charger',
      fields: [
        charge,
        error,
        signed('battery_voltage', 16, 100),
        signed('battery_charging_current', 16, 10),
        unsigned('yield_today', 16, 0.1),
        unsigned('solar_power', 16),
        unsigned('external_device_load', 9, 10),
      ],
    },
  ],
  [0x02, { model: 'Battery monitor', fields: battery, finish: auxiliary }],
  [
    0x03,
    {
      model: 'Inverter',
      fields: [
        state,
        word('alarm', 16, alarmReason),
        signed('battery_voltage', 16, 100),
        unsigned('ac_apparent_power', 16),
        unsigned('ac_voltage', 15, 100),
        unsigned('ac_current', 11, 10),
      ],
      finish: withoutEmptyAlarm,
    },
  ],
  [
    0x04,
    {
      model: 'DC-DC converter',
      fields: [charge, error, unsigned('input_voltage', 16, 100), signed('output_voltage', 16, 100), off],
    },
  ],
  [
    0x05,
    {
      model: 'Smart lithium battery',
      fields: [
        flags('bms_flags', 32),
        flags('error_flags', 16),
        ...[1, 2, 3, 4, 5, 6, 7, 8].map(cell => ({ ...unsigned(`cell_voltage_${cell}`, 7, 100), offset: 2.6 })),
        unsigned('battery_voltage', 12, 100),
        word('balancer_status', 4, balancerStatus, 0xf),
        celsius('battery_temperature'),
      ],
      // The lowest and highest codes say "below 2.61 V" and "above 3.85 V".
      finish(telemetry, raw) {
        for (const [name, code] of raw)
          if (name.startsWith('cell_') && (code === 0 || code === 0x7e)) delete telemetry[name];
      },
    },
  ],
  [
    0x08,
    {
      model: 'AC charger',
      fields: [
        charge,
        error,
        ...[1, 2, 3].flatMap(output => [
          unsigned(`output_voltage${output}`, 13, 100),
          unsigned(`output_current${output}`, 11, 10),
        ]),
        celsius('temperature'),
        unsigned('ac_current', 9, 10),
      ],
    },
  ],
  [
    0x09,
    {
      model: 'Smart battery protect',
      fields: [
        state,
        word('output_state', 8, outputState, 0xff),
        word('error_code', 8, chargerError, 0xff),
        word('alarm_reason', 16, alarmReason),
        word('warning_reason', 16, alarmReason),
        signed('input_voltage', 16, 100),
        unsigned('output_voltage', 16, 100),
        off,
      ],
    },
  ],
  [
    0x0a,
    {
      model: 'Lynx Smart BMS',
      fields: [
        flags('error_flags', 8),
        unsigned('remaining_mins', 16),
        signed('voltage', 16, 100),
        signed('current', 16, 10),
        flags('io_status', 16),
        flags('alarm_flags', 18),
        unsigned('soc', 10, 10),
        unsigned('consumed_ah', 20, 10),
        celsius('battery_temperature'),
      ],
    },
  ],
  [
    0x0b,
    {
      model: 'Multi RS',
      fields: [
        word('device_state', 8, inverterMode, 0xff),
        error,
        signed('battery_current', 16, 10),
        unsigned('battery_voltage', 14, 100),
        word('active_ac_in', 2, acInput, 3),
        signed('active_ac_in_power', 16),
        signed('active_ac_out_power', 16),
        unsigned('pv_power', 16),
        unsigned('yield_today', 16, 100),
      ],
    },
  ],
  [
    0x0c,
    {
      model: 'VE.Bus',
      fields: [
        state,
        unsigned('error', 8),
        signed('battery_current', 16, 10),
        unsigned('battery_voltage', 14, 100),
        word('ac_in_state', 2, acInput, 3),
        signed('ac_in_power', 19),
        signed('ac_out_power', 19),
        word('alarm', 2, alarmNotification, 3),
        celsius('battery_temperature'),
        unsigned('soc', 7),
      ],
    },
  ],
  [
    0x0d,
    {
      model: 'DC energy meter',
      fields: [
        word('meter_type', 16, meterType),
        signed('voltage', 16, 100),
        word('alarm', 16, alarmReason),
        flags('aux', 16),
        word('aux_mode', 2, auxMode),
        { ...signed('current', 22, 1000), none: 0x3fffff },
      ],
      finish(telemetry, raw) {
        auxiliary(telemetry, raw);
        withoutEmptyAlarm(telemetry, raw);
      },
    },
  ],
  [
    0x0f,
    {
      model: 'Orion XS',
      fields: [
        charge,
        error,
        unsigned('output_voltage', 16, 100),
        unsigned('output_current', 16, 10),
        unsigned('input_voltage', 16, 100),
        unsigned('input_current', 16, 10),
        off,
      ],
    },
  ],
]);
