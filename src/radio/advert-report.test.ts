// Advertising reports: legacy and extended, several in one event, fragments, lying lengths; and the batches they travel in.
import assert from 'node:assert/strict';
import { reportsOf } from '../../sim/controller/reports.ts';
import { toHex } from '../kernel/bytes.ts';
import { MOST_PACKED, packAdvert, unpackAdverts } from './advert-batch.ts';
import { type AdvertReport, reportReader } from './advert-report.ts';

const advert = {
  address: 'C4:00:00:00:00:0F',
  random: true,
  data: Buffer.from('020106', 'hex'),
  scanResponse: Buffer.from('020941', 'hex'),
  connectable: true,
  extended: false,
  rssi: -71,
};
const heard: AdvertReport = {
  address: 'C4:00:00:00:00:0F',
  random: true,
  connectable: true,
  scanResponse: false,
  rssi: -71,
  txPower: undefined,
  data: Buffer.from('020106', 'hex'),
};

describe('advertising reports', () => {
  for (const extended of [false, true]) {
    const kind = extended ? 'extended' : 'legacy';
    it(`${kind}: an advert and its scan response, apart`, () => {
      const reader = reportReader();
      const [report] = reportsOf(advert, extended, false);
      const [response] = reportsOf(advert, extended, true);
      assert.deepEqual(reader.read(report!).reports, [heard]);
      const [answer] = reader.read(response!).reports;
      assert.deepEqual([answer?.scanResponse, toHex(answer!.data)], [true, '020941']);
    });

    it(`${kind}: several reports of one event`, () => {
      const [one] = reportsOf(advert, extended, false);
      const event = Buffer.concat([one!, one!.subarray(5)]);
      event[4] = 2;
      assert.deepEqual(reportReader().read(event).reports, [heard, heard]);
    });

    it(`${kind}: a report that is cut anywhere gives what is whole before it`, () => {
      const [one] = reportsOf(advert, extended, false);
      const event = Buffer.concat([one!, one!.subarray(5)]);
      event[4] = 2;
      for (let length = one!.length; length < event.length; length++) {
        const { reports, faults } = reportReader().read(event.subarray(0, length));
        assert.deepEqual(reports, [heard]);
        assert.match(faults[0] ?? '', /shorter than it says/);
      }
    });
  }

  it('tells what can be connected to', () => {
    const types: [type: number, connectable: boolean][] = [
      [0, true],
      [1, true],
      [2, false],
      [3, false],
    ];
    for (const [type, connectable] of types) {
      const [report] = reportsOf(advert, false, false);
      report![5] = type;
      assert.equal(reportReader().read(report!).reports[0]?.connectable, connectable, `type ${type}`);
    }
  });

  it('joins the fragments of long extended data, device by device', () => {
    const long = (address: string, byte: number) =>
      reportsOf({ ...advert, address, extended: true, data: Buffer.alloc(500, byte) }, true, false);
    const reader = reportReader();
    const [a, b] = [long('AA:00:00:00:00:01', 1), long('AA:00:00:00:00:02', 2)];
    const reports = a.flatMap((packet, at) => [...reader.read(packet).reports, ...reader.read(b[at]!).reports]);
    assert.deepEqual(
      reports.map(({ address, data }) => [address, toHex(data)]),
      [
        ['AA:00:00:00:00:01', '01'.repeat(500)],
        ['AA:00:00:00:00:02', '02'.repeat(500)],
      ],
    );
  });

  it('names what it cannot give: no device, fragments that do not all come', () => {
    const [nobody] = reportsOf({ ...advert, extended: true }, true, false);
    nobody![7] = 0xff;
    const reader = reportReader();
    assert.deepEqual(reader.read(nobody!), { reports: [], faults: ['an advert names no device'] });
    const begun = (last: number) =>
      reportsOf(
        { ...advert, address: `AA:00:00:00:00:${String(last)}`, extended: true, data: Buffer.alloc(300, last) },
        true,
        false,
      );
    const faults = Array.from({ length: 65 }, (_, at) => reader.read(begun(at + 10)[0]!).faults);
    assert.deepEqual(faults.flat(), ['the fragments of an advert did not all come']);
    reader.begin();
    const [report] = reader.read(begun(74)[1]!).reports;
    assert.equal(report?.data.length, 71);
  });

  it('says nothing of a strength that the controller cannot tell', () => {
    const [report] = reportsOf({ ...advert, rssi: 127 }, false, false);
    assert.equal(reportReader().read(report!).reports[0]?.rssi, undefined);
  });
});

describe('batches of adverts', () => {
  it('carry everything', () => {
    const adverts = [
      { ...heard, at: 1_767_225_600_123 },
      {
        ...heard,
        random: false,
        connectable: false,
        scanResponse: true,
        rssi: undefined,
        txPower: -8,
        at: 2,
        data: Buffer.alloc(0),
      },
      { ...heard, data: Buffer.alloc(1650, 7), at: 3 },
    ];
    const packed = Buffer.alloc(adverts.length * MOST_PACKED);
    const end = adverts.reduce((at, one) => packAdvert(one, packed, at), 0);
    assert.deepEqual([...unpackAdverts(packed.subarray(0, end))], adverts);
  });
});
