// Serial frames: the checksum against published values, and answers found among noise, echoes and other units' frames.
import assert from 'node:assert/strict';
import type { Request } from './link.ts';
import { crc16, listen, requestFrame, rtuFrame } from './rtu-frame.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const frame = (unit: number, pdu: string) => rtuFrame({ unit, pdu: hex(pdu) }).toString('hex');
const read: Request = { unit: 1, table: 'holding', address: 0, count: 2 };
const answer = '01 03 04 00 06 00 05 da 31';

describe('RTU frames', () => {
  it('has the checksum of the standard', () => {
    assert.equal(crc16(Buffer.from('123456789')), 0x4b37);
    assert.equal(
      requestFrame({ unit: 17, table: 'holding', address: 107, count: 3 }).toString('hex'),
      '1103006b00037687',
    );
    assert.equal(
      requestFrame({ unit: 17, write: 6, address: 1, values: [3] }).toString('hex'),
      '110600010003' + '9a9b',
    );
  });

  const cases: [what: string, received: string, request: Request, gives: object][] = [
    ['an answer', answer, read, { data: '040006' + '0005', extra: 0 }],
    ['an answer twice', answer + answer, read, { data: '0400060005', extra: 9 }],
    [
      'two answers that differ',
      frame(1, '03 04 00 07 00 08') + answer,
      read,
      { wrong: /expected one, got two that differ/ },
    ],
    ['an exception and an answer', frame(1, '83 02') + answer, read, { wrong: /two that differ/ }],
    ['noise before', `ff0103${answer}`, read, { data: '0400060005', extra: 0 }],
    ['its own echo', `${requestFrame(read).toString('hex')}${answer}`, read, { data: '0400060005', echo: true }],
    ['nothing but the echo', requestFrame(read).toString('hex'), read, { echo: true }],
    ['a part', answer.slice(0, 20), read, {}],
    ['a frame of another unit', frame(2, '03 04 00 06 00 05'), read, {}],
    ['a wrong checksum', answer.replace('da 31', 'da 32'), read, {}],
    ['an exception', frame(1, '83 02'), read, { data: '02' }],
    ['another function', frame(1, '04 04 00 06 00 05'), read, { wrong: /expected function 3, got 4/ }],
    ['more words', frame(1, '03 06 00 06 00 05 00 01'), read, { wrong: /expected a byte count of 4, got 6/ }],
  ];
  for (const [what, received, request, { ...gives }] of cases)
    it(`hears ${what}`, () => {
      const wanted = gives as { data?: string; extra?: number; echo?: boolean; wrong?: RegExp };
      const heard = listen(hex(received), request, false);
      const pdu = heard.answer && Buffer.from(heard.answer.pdu.subarray(1)).toString('hex');
      assert.equal(pdu, wanted.data);
      assert.equal(heard.echo, wanted.echo ?? false);
      if (wanted.extra !== undefined) assert.equal(heard.extra, wanted.extra);
      if (wanted.wrong === undefined) assert.equal(heard.wrong, undefined);
      else assert.match(heard.wrong ?? '', wanted.wrong);
    });

  it('believes no noise, and is never confused by it', () => {
    let seed = 11;
    const byte = () => {
      seed = (seed * 48271) % 0x7fffffff;
      // Many bytes that look like the beginning of a frame.
      return [0x01, 0x03, 0x83, 0x04, seed & 0xff, seed & 0xff][seed % 6] as number;
    };
    for (let round = 0; round < 2000; round++) {
      const noise = Buffer.from(Uint8Array.from({ length: round % 300 }, byte));
      const heard = listen(noise, read, round % 2 === 0);
      // An exception has five bytes: now and then noise is one, by its checksum as well. It brings no value.
      assert.ok(heard.answer === undefined || (heard.answer.pdu[0] ?? 0) & 0x80, noise.toString('hex'));
      const behind = listen(Buffer.concat([noise, hex(answer)]), read, false);
      assert.ok(behind.answer !== undefined || noise.length > 0);
    }
  });

  it('takes the confirmation of a write on a line with echo only where it came twice', () => {
    const write: Request = { unit: 1, write: 6, address: 4, values: [7] };
    const once = requestFrame(write);
    assert.ok(listen(once, write, false).answer);
    assert.equal(listen(once, write, true).answer, undefined);
    assert.ok(listen(Buffer.concat([once, once]), write, true).answer);
  });
});
