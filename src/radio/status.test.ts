// What scan and link say of themselves, in counts and words.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { linkStatus, linkWords } from './link-status.ts';
import { type ScanTally, scanTally } from './scan-tally.ts';

describe('scan tally', () => {
  const cases: [name: string, happens: (tally: ScanTally) => void, trouble: string, fill: string, text: RegExp][] = [
    ['nothing yet', tally => tally.radio(true, 'replay of 2 adverts'), '', 'green', /^replay of 2 adverts$/],
    [
      'adverts',
      tally => {
        for (const address of ['A', 'B', 'A']) tally.heard(address);
      },
      '',
      'green',
      /^3 adverts, 2 devices$/,
    ],
    ['silence', tally => tally.silent(61_000), '', 'yellow', /^no adverts for 61 s, scanning again; check hci0$/],
    [
      'silence that is over',
      tally => {
        tally.silent(61_000);
        tally.heard('A');
      },
      '',
      'green',
      /^1 advert,/,
    ],
    ['an outage', tally => tally.heard('A'), 'away', 'yellow', /^1 advert, 1 device, 7 waiting: away$/],
    [
      'an outage that is too long',
      tally => {
        tally.heard('A');
        tally.dropped(2);
      },
      'away',
      'red',
      /2 dropped, 7 waiting: away$/,
    ],
    [
      'drops of the past',
      tally => {
        tally.heard('A');
        tally.dropped(2);
      },
      '',
      'green',
      /, 2 dropped$/,
    ],
    [
      'a radio that is off',
      tally => {
        tally.heard('A');
        tally.radio(false, 'off: unplugged');
      },
      '',
      'red',
      /^off: unplugged$/,
    ],
  ];
  for (const [name, happens, trouble, fill, text] of cases)
    it(name, () => {
      const tally = scanTally('hci0');
      happens(tally);
      const said = tally.say(trouble, 7);
      assert.equal(said.fill, fill);
      assert.match(said.text, text);
    });
});

describe('words of a link', () => {
  const cases: [connected: boolean, reason: string, fill: string, text: string][] = [
    [true, 'connected', 'green', 'connected'],
    [
      false,
      'off: adapter hci0 is not plugged in',
      'yellow',
      'not connected, trying again: off: adapter hci0 is not plugged in',
    ],
    [
      false,
      'unauthorized: no permission; run: x',
      'red',
      'not connected, trying again: unauthorized: no permission; run: x',
    ],
  ];
  for (const [connected, reason, fill, text] of cases)
    it(`${fill}: ${text}`, () => assert.deepEqual(linkWords(connected, reason), [fill, text]));
});

describe('link status', () => {
  it('counts the measurements of a day of UTC', () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1, 23, 59, 58));
    const link = linkStatus('AA', clock);
    assert.deepEqual(link.message(), { type: 'status', device_id: 'AA', connected: false, measurements_today: 0 });
    link.connected(true);
    link.measured(clock.now());
    link.measured(clock.now());
    const last_measurement = '2026-01-01T23:59:58.000Z';
    assert.deepEqual(link.message(), {
      type: 'status',
      device_id: 'AA',
      connected: true,
      measurements_today: 2,
      last_measurement,
    });
    clock.advance(3000);
    assert.equal(link.measurements, '0 measurements today');
    assert.deepEqual(link.message(), {
      type: 'status',
      device_id: 'AA',
      connected: true,
      measurements_today: 0,
      last_measurement,
    });
    link.measured(clock.now());
    assert.equal(link.measurements, '1 measurement today');
  });
});
