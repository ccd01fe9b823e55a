// Damaged adverts through all shipped decoders together: what is certain stays, nothing that cannot be comes out.
import assert from 'node:assert/strict';
import { type AdvertRecord, advertOf } from './advert-record.ts';
import { type Registry, registryOf, shippedDecoders } from './registry.ts';

describe('damaged adverts', () => {
  let registry: Registry;
  before(async () => {
    registry = registryOf((await shippedDecoders()).map(({ decoder }) => decoder));
  });

  /** `quality` names the metrics that are absent with a reason. */
  const cases: [
    name: string,
    advert: AdvertRecord,
    expected: { gives: object; quality?: string[] } | { rejects: RegExp },
  ][] = [
    [
      'a Govee H5075 with a byte too many is not taken for an H5074',
      { name: 'GVH5075_DBF8', manufacturer_data: { ec88: '00034db2640001' } },
      { rejects: /no decoder knows/ },
    ],
    [
      'a Govee H5106 with two bytes too many is not taken for an H5108',
      { name: 'GVH5106_1234', manufacturer_data: { '0001': '01010ed2e4310000' } },
      { rejects: /no decoder knows/ },
    ],
    [
      'a battery above 100 %, a humidity of all ones',
      { service_data: { fcd2: '40' + '01ff' + '020cfe' + '03ffff' } },
      { gives: { temperature: -5 }, quality: ['humidity', 'battery'] },
    ],
    [
      'a Govee H5130 cut to the length of an H5051',
      { name: 'GV51307479', manufacturer_data: { ec88: '010d4775d321c60674' } },
      { rejects: /no decoder knows/ },
    ],
    [
      'an iBBQ without a name, cut to the length of an H5108',
      { manufacturer_data: { '0001': '0000ffeeddccbbaa' } },
      { rejects: /no decoder knows/ },
    ],
    [
      'an H5075 without a name, three bytes longer, as an H5051 is',
      { manufacturer_data: { ec88: '00034db26400a5a5a5' } },
      { gives: {}, quality: ['temperature', 'humidity'] },
    ],
    [
      'an H5108 without a name, one byte longer, as an H5178 is',
      { manufacturer_data: { '0001': '010103c730640000a5' } },
      { rejects: /no decoder knows/ },
    ],
    [
      'a thermometer with ATC firmware, cut behind its address',
      { address: '58:2D:34:12:33:DC', service_data: { '181a': '582d341233dc' } },
      { rejects: /only the address/ },
    ],
    [
      'a scale cut to the length of the steps of a band',
      { service_data: { fee0: '00112233' } },
      { rejects: /more steps than a day has/ },
    ],
    [
      'two frames of a garage door, cut to the length of one',
      { manufacturer_data: { '07b4': '01022d20000013c8000000000000006722' } },
      { rejects: /no state of a door/ },
    ],
    [
      'a SwitchBot weather station whose maker data got lost',
      { service_data: { fd3d: '000050001053b0' }, manufacturer_data: { '0969': '' } },
      { gives: {} },
    ],
    [
      'a SwitchBot meter with twelve tenths of a degree',
      { service_data: { fd3d: '5400640c8a2d' } },
      { gives: { battery: 100 } },
    ],
    [
      'numbered metrics',
      { service_data: { fcd2: '40' + '01ff' + '0164' + '02ca09' + '020080' } },
      { gives: { battery_2: 100, temperature_1: 25.06 }, quality: ['battery_1', 'temperature_2'] },
    ],
    [
      'a probe colder than can be',
      { address: 'AA:BB:CC:DD:EE:FF', name: 'iBBQ', manufacturer_data: { '0000': '0000aabbccddeeff18c94001' } },
      { gives: { temperature_probe_2: 32, temperature_2: 32 }, quality: ['temperature_probe_1', 'temperature'] },
    ],
    [
      'a float out of this world',
      { manufacturer_data: { '01ae': '56c808e40000c84252006907' } },
      { gives: { humidity: 100, shake: 82, voltage: 2.952, moving: true }, quality: ['temperature'] },
    ],
    ['a float of -0', { service_data: { '181c': '43060080' } }, { gives: { mass: 0 } }],
    [
      'humidity above 100 % where the format documents it',
      { manufacturer_data: { '0499': '057ffffffefffe7fff7fff7fffffdefefffecbb8334c884f' } },
      {
        gives: {
          temperature: 163.835,
          humidity: 163.835,
          pressure: 1155.34,
          acceleration_x: 321.334501,
          acceleration_y: 321.334501,
          acceleration_z: 321.334501,
          voltage: 3.646,
          movement_counter: 254,
        },
      },
    ],
  ];
  for (const [name, record, expected] of cases)
    it(name, () => {
      const advert = advertOf(record);
      assert.ok(!('rejected' in advert));
      const verdict = registry.decode(advert);
      if ('rejects' in expected) {
        assert.match('rejected' in verdict ? verdict.rejected : JSON.stringify(verdict.decoded), expected.rejects);
        return;
      }
      assert.ok(!('rejected' in verdict), JSON.stringify(verdict));
      assert.deepEqual(verdict.decoded.telemetry, expected.gives);
      assert.deepEqual(Object.keys(verdict.decoded.quality ?? {}).sort(), (expected.quality ?? []).sort());
    });
});
