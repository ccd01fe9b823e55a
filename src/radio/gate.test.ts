// Between noble and the controller: what is taken out, what passes, what must never throw, and commands in their turn.
import assert from 'node:assert/strict';
import { gateOf } from './gate.ts';
import { COMMAND, commandPacket } from './hci.ts';
import type { Transport } from './transport.ts';
import { until } from '../../test/support/until.ts';

function scene(exclusive = true) {
  const log: string[] = [];
  const sent: string[] = [];
  const transport: Transport = {
    send: packet => sent.push(packet.toString('hex')),
    isUp: () => true,
    exclusive,
    async close() {},
  };
  const gate = gateOf(
    transport,
    {
      onAdvert: ({ address }) => log.push(`advert ${address}`),
      onFault: (where, reason) => log.push(`fault ${where}: ${reason}`),
      onScanRefused: status => log.push(`refused ${status}`),
      onRefusal: ({ handle, reason }) => log.push(`refusal ${handle}: ${reason}`),
      onDead: reason => log.push(`dead ${reason}`),
    },
    30,
  );
  const socket = new gate.Socket() as InstanceType<typeof gate.Socket> & { write(packet: Buffer): void };
  socket.on('data', (packet: Buffer) => log.push(`noble ${packet.toString('hex')}`));
  const take = (hex: string): void => gate.take(Buffer.from(hex, 'hex'));
  return { gate, socket, log, sent, take };
}

const DISABLE = '010c20020001';
const ENABLE = '010c20020100';

describe('gate', () => {
  const packets: [name: string, hex: string, log: string[]][] = [
    ['an advert', '043e0c02010001060504030201 00c8'.replace(' ', ''), ['advert 01:02:03:04:05:06']],
    ['an advert that is cut', '043e050201000106', ['fault advert: an advertising report is shorter than it says']],
    ['a hardware error', '04100142', ['dead hardware error 0x42']],
    ['an answer without status', '040e03010c20', ['fault packet: event 0xe is too short']],
    ['readiness for commands', '040e03010000', []],
    ['the end of a link', '04050400400013', ['noble 04050400400013']],
    ['ACL data', '02402003000100ff', ['noble 02402003000100ff']],
    [
      'the refusal of a write',
      '0240200900050004000112070003',
      ['refusal 64: the device refuses: writing is not permitted (0x03)', 'noble 0240200900050004000112070003'],
    ],
    ['the end of a discovery', '024020090005000400010807000a', ['noble 024020090005000400010807000a']],
    ['a refusal that asks for encryption', '0240200900050004000112070005', ['noble 0240200900050004000112070005']],
  ];
  for (const [name, hex, log] of packets)
    it(`takes ${name}`, () => {
      const it = scene();
      it.take(hex);
      assert.deepEqual(it.log, log);
    });

  it('lives on when noble throws', () => {
    const { socket, log, take } = scene();
    socket.removeAllListeners('data').on('data', () => {
      throw new RangeError('out of bounds');
    });
    take('04050400400013');
    assert.deepEqual(log, ['fault packet: out of bounds']);
  });

  it('sends one command at a time, and the next when the last is answered', () => {
    const { gate, socket, sent, take } = scene();
    socket.write(Buffer.from(DISABLE, 'hex'));
    socket.write(Buffer.from(ENABLE, 'hex'));
    assert.deepEqual(sent, [DISABLE]);
    take('040e04010c2000');
    assert.deepEqual(sent, [DISABLE, ENABLE]);
    gate.close();
  });

  it('leaves the turn of commands to the kernel', () => {
    const { gate, socket, sent } = scene(false);
    socket.write(Buffer.from(DISABLE, 'hex'));
    socket.write(Buffer.from(ENABLE, 'hex'));
    assert.deepEqual(sent, [DISABLE, ENABLE]);
    gate.close();
  });

  it('tells of a scan that is refused, not of an end that is', () => {
    const { socket, log, take } = scene();
    for (const command of [DISABLE, ENABLE]) {
      socket.write(Buffer.from(command, 'hex'));
      take('040e04010c200c');
    }
    assert.deepEqual(
      log.filter(entry => !entry.startsWith('noble')),
      ['refused 12'],
    );
  });

  it('keeps answers to its own questions from noble', async () => {
    const { gate, log, sent, take } = scene();
    const answer = gate.ask(COMMAND.readRssi, Buffer.of(0x40, 0));
    assert.deepEqual(sent, [commandPacket(COMMAND.readRssi, Buffer.of(0x40, 0)).toString('hex')]);
    take('040e07010514004000c8');
    const { status, values } = await answer;
    assert.deepEqual([status, values.toString('hex')], [0, '4000c8']);
    assert.deepEqual(log, []);
  });

  it('gives a controller up that does not answer', async () => {
    const { socket, log } = scene();
    socket.write(Buffer.from(ENABLE, 'hex'));
    await until(() => log.length > 0);
    assert.deepEqual(log, ['dead the controller did not answer command 0x200c']);
  });
});
