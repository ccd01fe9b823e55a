// noble's scan and connection commands as they reach the controller.
import assert from 'node:assert/strict';
import { rewriteCommand, type ScanStyle } from './scan-command.ts';

// As noble 1.9.2-26 writes them.
const legacy = '010b20070112001200 0000';
const extended = '0141200d 000005 0112001200 0112001200';
const connect = '0143202a 0000 01665544332211 05 60006000060012000000 2a0000000000 60006000060012000000 2a0000000000';

const cases: [name: string, command: string, style: ScanStyle, sent: string][] = [
  ['legacy, passive', legacy, { active: false, coded: false }, '010b20070012001200 0000'],
  ['legacy, active', legacy, { active: true, coded: false }, legacy],
  ['extended, passive, coded', extended, { active: false, coded: true }, '0141200d 000005 0012001200 0012001200'],
  ['extended, active, coded', extended, { active: true, coded: true }, extended],
  ['extended, passive, 1M', extended, { active: false, coded: false }, '01412008 000001 0012001200'],
  ['connection, coded', connect, { active: false, coded: true }, connect],
  [
    'connection, 1M',
    connect,
    { active: false, coded: false },
    '0143201a 0000 01665544332211 01 60006000060012000000 2a0000000000',
  ],
  ['preferred PHYs, 1M', '01312003000505', { active: false, coded: false }, '01312003000101'],
  ['preferred PHYs, coded', '01312003000505', { active: false, coded: true }, '01312003000505'],
  ['another command', '01030c00', { active: false, coded: false }, '01030c00'],
];

describe('scan commands', () => {
  for (const [name, command, style, sent] of cases)
    it(name, () => {
      const packet = Buffer.from(command.replaceAll(' ', ''), 'hex');
      assert.equal(rewriteCommand(packet, style).toString('hex'), sent.replaceAll(' ', ''));
    });
});
