// The model that a decoder tells of each device, for families of several: what an operator reads beside the values of an advert.
import assert from 'node:assert/strict';
import { advertOf } from './advert-record.ts';
import type { AdvertDecoder } from './define.ts';
import type { LoadedDecoder } from './load-folder.ts';
import { shippedDecoders } from './registry.ts';

/** Family → models of its examples, in their order, each once. */
const models: Readonly<Record<string, readonly string[]>> = {
  acconeer: ['Acconeer XM122', 'Acconeer XM126'],
  'air-mentor': ['Air Mentor Pro 2', 'Air Mentor 2S'],
  'apple-continuity': ['iPhone or iPad', 'Apple Watch'],
  aranet: ['Aranet4', 'Aranet2', 'Aranet Radiation', 'Aranet Radon'],
  'atc-thermometer': ['Thermometer with ATC firmware', 'Thermometer with PVVX firmware'],
  'beacon-sensors': ['April Brother ABTemp', 'BM2 battery monitor', 'BM6 battery monitor'],
  'blue-maestro': [
    'Blue Maestro Tempo Disc 1 in 1',
    'Blue Maestro Tempo Disc 3 in 1',
    'Blue Maestro Tempo Disc 4 in 1',
    'Blue Maestro Pebble',
  ],
  feasycom: ['Feasycom BP108', 'Feasycom BP103'],
  'govee-climate': [
    'Govee H5075',
    'Govee H5174',
    'Govee H5105',
    'Govee H5071',
    'Govee H5140',
    'Govee H5112',
    'Govee H5108',
    'Govee H5106',
    'Govee H5178',
    'Govee H5179',
  ],
  'govee-events': ['Govee H5126', 'Govee H5123', 'Govee H5130', 'Govee H5127'],
  'govee-probes': ['Govee H5183', 'Govee H5182', 'Govee H5184', 'Govee H5191', 'Govee H5198', 'Govee H5055'],
  'heart-rate': ['Polar H10', 'XOSS X2'],
  'inkbird-climate': ['Inkbird IBS-TH', 'Inkbird ITH-21-B', 'Inkbird IBS-P02B', 'Inkbird IAM-T2'],
  'inode-care': ['iNode Care Sensor HT', 'iNode Care Sensor 1', 'iNode Care Sensor PT'],
  kegtron: ['Kegtron KT-100', 'Kegtron KT-200'],
  kkm: ['KKM K6P', 'BlueCharm BC08'],
  mibeacon: [
    'Xiaomi LYWSDCGQ',
    'Xiaomi CGPR1',
    'Xiaomi JQJCY01YM',
    'Xiaomi MS1BB(MI)',
    'Xiaomi YLYK01YL',
    'Xiaomi XMMF01JQD',
    'Xiaomi ZNMS16LM',
    'Xiaomi DSL-C08',
    'Xiaomi LYWSD02',
    'Xiaomi LYWSD03MMC',
    'Xiaomi YLKG07YL/YLKG08YL',
    'Xiaomi M1S-T500',
    'Xiaomi MJTZC01YM',
    'Xiaomi MUE4094RT',
  ],
  mikrotik: ['MikroTik TG-BT5-OUT', 'MikroTik TG-BT5-IN'],
  minew: [
    'Temperature and humidity beacon',
    'Light beacon',
    'Acceleration beacon',
    'Illuminance beacon',
    'Minew beacon',
    'Infrared beacon',
    'Air quality beacon',
    'Temperature beacon',
    'Pressure beacon',
    'Vibration beacon',
    'Tamper beacon',
    'Water beacon',
    'S3',
    'S4',
    'Connect V3',
  ],
  mocreo: ['Mocreo ST5', 'Mocreo ST6', 'Mocreo ST10', 'Mocreo SW2'],
  mopeka: ['Mopeka Lippert BottleCheck', 'Mopeka Pro Check', 'Mopeka TD40/TD200', 'Mopeka Pro Plus'],
  oras: ['Oras Hydractiva Digital', 'Oras faucet'],
  qingping: [
    'Qingping CGD1 alarm clock',
    'Qingping CGDN1 air monitor lite',
    'Qingping CGPR1 motion and light',
    'Qingping CGH1 contact sensor',
    'Qingping CGP23W',
    'Qingping CGDK2',
  ],
  sensirion: [
    'Sensirion SHT4x',
    'Sensirion MyCO2',
    'Sensirion SEN55 and CO2 Gadget',
    'Sensirion SEN50 Gadget',
    'Sensirion Formaldehyde Gadget',
    'Sensirion',
  ],
  'sensor-easy': ['Sensor Easy T', 'Sensor Easy RHT', 'Sensor Easy MAG', 'Sensor Easy'],
  sensorpush: ['SensorPush HT.w', 'SensorPush HTP.xw', 'SensorPush TC.x', 'SensorPush HT1', 'SensorPush'],
  switchbot: [
    'SwitchBot Meter',
    'SwitchBot Outdoor Meter',
    'SwitchBot Meter Plus',
    'SwitchBot Meter Pro CO2',
    'SwitchBot Curtain',
    'SwitchBot Blind Tilt',
    'SwitchBot Motion Sensor',
    'SwitchBot Contact Sensor',
    'SwitchBot Bot',
    'SwitchBot Plug Mini',
    'SwitchBot Water Leak Detector',
    'SwitchBot Hub 2',
    'SwitchBot Hub 3',
    'SwitchBot Lock Ultra',
    'SwitchBot Relay Switch 1PM',
    'SwitchBot Climate Panel',
    'SwitchBot Smart Thermostat Radiator',
    'SwitchBot Weather Station',
    'SwitchBot K20 Vacuum',
    'SwitchBot Lock Lite',
  ],
  thermopro: ['ThermoPro TP357', 'ThermoPro TP357S', 'ThermoPro TP960R'],
  tilt: ['Tilt', 'Tilt Pro'],
  trackers: ['Tile', 'Gigaset G-tag', 'iTAG'],
  victron: [
    'Victron DC-DC converter',
    'Victron DC energy meter',
    'Victron Smart Battery Sense',
    'Victron Battery monitor',
    'Victron Solar charger',
    'Victron VE.Bus',
    'Victron AC charger',
    'Victron Multi RS',
    'Victron Smart battery protect',
  ],
  'xiaomi-scale': ['Mi Smart Scale', 'Mi Body Composition Scale'],
};

function modelsOf(decoder: AdvertDecoder): string[] {
  const told = decoder.examples.flatMap(example => {
    const advert = advertOf(example.advert);
    assert.ok(!('rejected' in advert));
    const decoded = 'gives' in example ? decoder.decode(advert) : { rejected: '' };
    return 'rejected' in decoded || decoded.deviceModel === undefined ? [] : [decoded.deviceModel];
  });
  return [...new Set(told)];
}

describe('models of advert decoders', () => {
  let shipped: readonly LoadedDecoder[];
  before(async () => {
    shipped = await shippedDecoders();
  });

  for (const [name, expected] of Object.entries(models))
    it(name, () => {
      const decoder = shipped.find(one => one.decoder.name === name)?.decoder;
      assert.ok(decoder);
      assert.deepEqual(modelsOf(decoder), expected);
    });
});
