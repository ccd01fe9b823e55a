// Codes of Victron devices as words (VE.Direct protocol 3.32 and "Extra manufacturer data" of Victron; names as in keshavdv/victron-ble).

export type Words = (code: number) => string;

function words(pairs: readonly (readonly [number, string])[]): Words {
  const known = new Map(pairs);
  return code => known.get(code) ?? `code_${code}`;
}

/** Several at once: one bit each, joined by "+"; `none` for no bit, `whole` for sums that have a name of their own. */
function bits(none: string, names: readonly string[], whole: readonly (readonly [number, string])[] = []): Words {
  const known = new Map(whole);
  return code => {
    if (code === 0) return none;
    const set = [];
    for (let bit = 0; bit < 32; bit++) if ((code >>> bit) & 1) set.push(names[bit] ?? `bit_${bit}`);
    return known.get(code) ?? set.join('+');
  };
}

const listed = (names: readonly string[]): Words => words([...names.entries()]);

const operation: readonly (readonly [number, string])[] = [
  [0, 'off'],
  [1, 'low_power'],
  [2, 'fault'],
  [3, 'bulk'],
  [4, 'absorption'],
  [5, 'float'],
  [6, 'storage'],
  [7, 'equalize_manual'],
  [9, 'inverting'],
  [11, 'power_supply'],
  [245, 'starting_up'],
  [246, 'repeated_absorption'],
  [248, 'battery_safe'],
  [252, 'external_control'],
];

export const operationMode = words([...operation, [247, 'recondition'], [249, 'active']]);
export const inverterMode = words([
  ...operation,
  [8, 'passthru'],
  [10, 'assisting'],
  [244, 'sustain'],
  [247, 'auto_equalize'],
  [249, 'load_detect'],
  [250, 'blocked'],
  [251, 'test'],
]);

export const chargerError = words([
  [0, 'no_error'],
  [1, 'temperature_battery_high'],
  [2, 'voltage_high'],
  [3, 'remote_temperature_a'],
  [4, 'remote_temperature_b'],
  [5, 'remote_temperature_c'],
  [6, 'remote_battery_a'],
  [7, 'remote_battery_b'],
  [8, 'remote_battery_c'],
  [11, 'high_ripple'],
  [14, 'temperature_battery_low'],
  [17, 'temperature_charger'],
  [18, 'over_current'],
  [20, 'bulk_time'],
  [21, 'current_sensor'],
  [22, 'internal_temperature_a'],
  [23, 'internal_temperature_b'],
  [24, 'fan'],
  [26, 'overheated'],
  [27, 'short_circuit'],
  [28, 'converter_issue'],
  [29, 'over_charge'],
  [33, 'input_voltage'],
  [34, 'input_current'],
  [35, 'input_power'],
  [38, 'input_shutdown_voltage'],
  [39, 'input_shutdown_current'],
  [40, 'input_shutdown_failure'],
  ...[41, 42, 43].map(code => [code, `inverter_shutdown_${code}`] as const),
  [50, 'inverter_overload'],
  [51, 'inverter_temperature'],
  [52, 'inverter_peak_current'],
  [53, 'inverter_ouput_voltage_a'],
  [54, 'inverter_ouput_voltage_b'],
  [55, 'inverter_self_test_a'],
  [56, 'inverter_self_test_b'],
  [57, 'inverter_ac'],
  [58, 'inverter_self_test_c'],
  [65, 'communication'],
  [66, 'synchronisation'],
  [67, 'bms'],
  [68, 'network_a'],
  [69, 'network_b'],
  [70, 'network_c'],
  [71, 'network_d'],
  ...[80, 81, 82, 83, 84, 85, 86, 87].map(code => [code, `pv_input_shutdown_${code}`] as const),
  [114, 'cpu_temperature'],
  [116, 'calibration_lost'],
  [117, 'firmware'],
  [119, 'settings'],
  [121, 'tester_fail'],
  [200, 'internal_dc_voltage_a'],
  [201, 'internal_dc_voltage_b'],
  [202, 'self_test'],
  [203, 'internal_supply_a'],
  [205, 'internal_supply_b'],
  [212, 'internal_supply_c'],
  [215, 'internal_supply_d'],
]);

export const offReason = bits(
  'no_reason',
  [
    'no_input_power',
    'switched_off_switch',
    'switched_off_register',
    'remote_input',
    'protection_active',
    'pay_as_you_go_out_of_credit',
    'bms',
    'engine_shutdown',
    'analysing_input_voltage',
  ],
  [
    [0x14, 'load_output_disabled'],
    [0x81, 'engine_shutdown_and_input_voltage_lockout'],
  ],
);

export const alarmReason = bits('no_alarm', [
  'low_voltage',
  'high_voltage',
  'low_soc',
  'low_starter_voltage',
  'high_starter_voltage',
  'low_temperature',
  'high_temperature',
  'mid_voltage',
  'overload',
  'dc_ripple',
  'low_v_ac_out',
  'high_v_ac_out',
  'short_circuit',
  'bms_lockout',
]);

export const alarmNotification = listed(['no_alarm', 'warning', 'alarm']);
export const acInput = listed(['ac_in_1', 'ac_in_2', 'not_connected']);
export const auxMode = listed(['starter_voltage', 'midpoint_voltage', 'temperature', 'disabled']);
export const balancerStatus = listed(['unknown', 'balanced', 'balancing', 'imbalance']);
export const outputState = words([
  [0, 'shutdown'],
  [1, 'on'],
  [4, 'off'],
]);
/** 16 bits, signed: sources below 0, loads above. */
export const meterType = words(
  (
    [
      [-9, 'solar_charger'],
      [-8, 'wind_charger'],
      [-7, 'shaft_generator'],
      [-6, 'alternator'],
      [-5, 'fuel_cell'],
      [-4, 'water_generator'],
      [-3, 'dc_dc_charger'],
      [-2, 'ac_charger'],
      [-1, 'generic_source'],
      [1, 'generic_load'],
      [2, 'electric_drive'],
      [3, 'fridge'],
      [4, 'water_pump'],
      [5, 'bilge_pump'],
      [6, 'dc_system'],
      [7, 'inverter'],
      [8, 'water_heater'],
    ] as const
  ).map(([code, word]) => [code & 0xffff, word]),
);
