// `fieldline decode`: one answer a line, whatever the line is, and never a null, NaN or Infinity in one.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { ask } from './command.fixture.ts';
import { run } from './decode.ts';
import { main } from './fieldline.ts';

async function decode(
  argv: readonly string[],
  input: string | Buffer,
): Promise<{ code: number; lines: string[]; errors: string[] }> {
  const lines: string[] = [];
  const errors: string[] = [];
  const stdin = Readable.from([input].flat());
  const code = await run(argv, { stdin, stdout: line => lines.push(line), stderr: line => errors.push(line), env: {} });
  return { code, lines, errors };
}

type Answer = {
  id?: unknown;
  rejected?: string;
  reading?: { deviceId: string; timestamp: string; telemetry: object; metadata: Record<string, unknown> };
};

describe('fieldline decode', () => {
  const lines: [form: string, name: string, line: string, expected: Record<string, unknown>][] = [
    [
      'adverts',
      'an advert',
      '{"id":"a","address":"a4c1388d18b2","service_data":{"fcd2":"4002ca09"}}',
      { id: 'a', deviceId: 'A4:C1:38:8D:18:B2', telemetry: { temperature: 25.06 } },
    ],
    [
      'adverts',
      'an advert without address and id',
      '{"service_data":{"fcd2":"4002ca09"}}',
      { deviceId: 'unknown', telemetry: { temperature: 25.06 } },
    ],
    [
      'adverts',
      'a recognised advert without numbers',
      '{"id":0,"service_data":{"fcd2":"400009"}}',
      { id: 0, deviceId: 'unknown', telemetry: {} },
    ],
    [
      'adverts',
      'a key of 128 bits',
      '{"service_data":{"0000fcd2-0000-1000-8000-00805f9b34fb":"4002ca09"}}',
      { deviceId: 'unknown', telemetry: { temperature: 25.06 } },
    ],
    [
      'adverts',
      'null where something could be',
      '{"id":null,"address":null,"name":null,"rssi":null,"manufacturer_data":null,"timestamp":null,"bindkey":null,"service_data":{"fcd2":"4002ca09"}}',
      { deviceId: 'unknown', telemetry: { temperature: 25.06 } },
    ],
    [
      'adverts',
      'an advert nobody knows',
      '{"id":"n","manufacturer_data":{"ffff":"00"}}',
      { id: 'n', rejected: 'no decoder knows this advert' },
    ],
    ['adverts', 'an empty object', '{}', { rejected: 'no decoder knows this advert' }],
    [
      'adverts',
      'a number beyond range as id',
      '{"id":1e999,"rssi":1e999,"service_data":{"fcd2":"4002ca09"}}',
      { deviceId: 'unknown', telemetry: { temperature: 25.06 } },
    ],
    ['adverts', 'a key called null', '{"service_data":{"null":"zz"}}', { rejected: 'service_data: expected hex' }],
    ['adverts', 'not JSON', 'NaN', { rejected: 'the line is not JSON' }],
    ['adverts', 'JSON that is no object', 'null', { rejected: 'expected a JSON object' }],
    ['adverts', 'a list', '[]', { rejected: 'expected a JSON object' }],
    [
      'adverts',
      'a line too long',
      `{"id":"x","name":"${'x'.repeat(1024 * 1024)}"}`,
      { rejected: 'the line is too long' },
    ],
    ['adverts', 'nesting without end', '['.repeat(200_000), { rejected: 'the line is not JSON' }],
    [
      'laser',
      'a GLM frame',
      '{"id":1,"hex":"C0551006 000001CD CC1C4000 00000000 000000DC"}',
      { id: 1, deviceId: 'unknown', telemetry: { value_mm: 2450 } },
    ],
    [
      'laser',
      'a kind that does not fit',
      '{"id":2,"hex":"25064940","kind":"glm"}',
      { id: 2, rejected: 'GLM: frame does not begin with c0 55' },
    ],
    [
      'laser',
      'a kind nobody knows',
      '{"hex":"25064940","kind":"x"}',
      { rejected: 'kind: expected one of glm, glm100, disto, disto-inclination, disto-unit' },
    ],
    ['laser', 'empty hex', '{"id":3,"hex":""}', { id: 3, rejected: 'hex: expected the bytes of a frame' }],
    ['laser', 'no hex', '{"id":4}', { id: 4, rejected: 'hex: expected the bytes of a frame' }],
    [
      'laser',
      'text that is no hex',
      '{"id":5,"hex":"Infinity"}',
      { id: 5, rejected: 'hex: expected an even number of hex digits' },
    ],
    ['laser', 'a float that is no number', '{"hex":"0000c07f"}', { rejected: 'DISTO: distance is not a number' }],
  ];
  for (const [form, name, line, expected] of lines)
    it(`${form}: ${name}`, async () => {
      const { code, lines: out, errors } = await decode([form], `${line}\n`);
      assert.equal(code, 0);
      assert.deepEqual(errors, []);
      assert.equal(out.length, 1);
      assert.doesNotMatch(out[0]!, /null|NaN|Infinity/);
      const { id, rejected, reading } = JSON.parse(out[0]!) as Answer;
      const seen = {
        ...(id === undefined ? {} : { id }),
        ...(rejected === undefined ? {} : { rejected }),
        ...(reading === undefined ? {} : { deviceId: reading.deviceId, telemetry: reading.telemetry }),
      };
      assert.deepEqual(seen, expected);
    });

  it('answers each line in order, with either line ending, an empty one and one without end', async () => {
    const { lines: out } = await decode(
      ['laser'],
      '\uFEFF{"id":1,"hex":"25064940"}\r\n\n{"id":2,"hex":"25064940"}\n{"id":3,"hex":"25064940"}',
    );
    assert.deepEqual(
      out.map(line => (JSON.parse(line) as Answer).id),
      [1, undefined, 2, 3],
    );
  });

  it('puts a line together that comes in pieces, within a character too', async () => {
    const whole = Buffer.from('{"id":"Gerät","hex":"25064940"}\r\n{"id":"b","hex":"25064940"}\n');
    const lines: string[] = [];
    const stdin = Readable.from([...whole].map(byte => Buffer.of(byte)));
    await run(['laser'], { stdin, stdout: line => lines.push(line), stderr: () => {}, env: {} });
    assert.deepEqual(
      lines.map(line => (JSON.parse(line) as Answer).id),
      ['Gerät', 'b'],
    );
  });

  it('decodes each line alone: the same again gives the same', async () => {
    const line =
      '{"address":"54:48:E6:8F:80:A5","bindkey":"231d39c1d7cc1ab1aee224cd096db932","service_data":{"fcd2":"4187b90011223372b0231f"}}\n';
    const { lines: out } = await decode(['adverts'], line.repeat(3));
    for (const answer of out) assert.deepEqual((JSON.parse(answer) as Answer).reading?.telemetry, { motion: true });
  });

  it('takes the time of the record, else that of reading it', async () => {
    const { lines: out } = await decode(
      ['laser'],
      '{"hex":"25064940","timestamp":"2026-01-01T00:00:00.1234Z"}\n{"hex":"25064940"}\n',
    );
    const [given, own] = out.map(line => (JSON.parse(line) as Answer).reading!);
    assert.deepEqual([given!.timestamp, given!.metadata['timestampSource']], ['2026-01-01T00:00:00.1234Z', undefined]);
    assert.equal(own!.metadata['timestampSource'], 'gateway');
  });

  it("takes decoders of one's own folder, and names a file that is at fault", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'fieldline-decode-'));
    try {
      await writeFile(path.join(folder, 'broken.mjs'), 'export const decoder = {');
      await writeFile(
        path.join(folder, 'shed.mjs'),
        `export const decoder = { name: 'shed', vendor: 'Own', models: [], source: 'x',
          matches: advert => advert.manufacturerData.has('ffff'), decode: () => ({ telemetry: { battery: 1 } }),
          examples: [{ name: 'a', advert: { manufacturer_data: { ffff: '00' } }, gives: { battery: 1 } }] };`,
      );
      const {
        code,
        lines: answers,
        errors,
      } = await decode(['adverts', '--folder', folder], '{"manufacturer_data":{"ffff":"00"}}\n');
      assert.equal(code, 0);
      assert.deepEqual((JSON.parse(answers[0]!) as Answer).reading?.telemetry, { battery: 1 });
      assert.match(errors.join(), /^fieldline decode: broken\.mjs: /);
      const missing = await decode(['adverts', '--folder', path.join(folder, 'no')], '');
      assert.deepEqual([missing.code, /a folder that exists/.test(missing.errors[0] ?? '')], [2, true]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('waits for a reader that is slow', async () => {
    let waiting = 0;
    let most = 0;
    const stdin = Readable.from(['{"hex":"25064940"}\n'.repeat(200)]);
    const stdout = async (): Promise<void> => {
      most = Math.max(most, ++waiting);
      await new Promise(setImmediate);
      waiting--;
    };
    await run(['laser'], { stdin, stdout, stderr: () => {}, env: {} });
    assert.equal(most, 1);
  });

  const wrongUse: [argv: string[], reason: RegExp][] = [
    [['decode'], /expected adverts or laser, got nothing/],
    [['decode', 'lorry'], /got "lorry"/],
    [['decode', 'laser', 'more'], /got "laser more"/],
    [['decode', 'constructor'], /got "constructor"/],
    [['nothing-like-it'], /there is no subcommand "nothing-like-it"/],
    [['toString'], /there is no subcommand/],
    [[], /Usage: fieldline/],
  ];
  for (const [argv, reason] of wrongUse)
    it(`is used wrongly: fieldline ${argv.join(' ')}`, async () => {
      const { code, out, errors } = await ask(main, argv);
      assert.deepEqual([code, out], [2, '']);
      assert.match(errors, reason);
    });
});
