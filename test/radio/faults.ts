// Everything that can go wrong with a radio, done to an emulated one.
import { METER, type World } from './world.ts';

export type Fault = [name: string, strike: (scene: World) => unknown];

export const faults: Fault[] = [
  ['the link drops', ({ controller }) => controller.connections.drop(METER, 8)],
  [
    'a meter that does not answer',
    ({ controller: { connections } }) => {
      connections.faults.muteAtt = true;
      connections.drop(METER, 8);
      setTimeout(() => {
        connections.faults.muteAtt = false;
      }, 600);
    },
  ],
  [
    'a connection that does not come about',
    ({ controller: { connections } }) => {
      connections.faults.muteConnect = true;
      connections.drop(METER, 8);
      setTimeout(() => {
        connections.faults.muteConnect = false;
      }, 700);
    },
  ],
  [
    'connections that fail (0x3e)',
    ({ controller: { connections } }) => {
      connections.faults.refuse.push(0x3e, 0x3e);
      connections.drop(METER, 8);
    },
  ],
  ['a controller that is reset without a word', ({ controller }) => controller.faults.resetSilently()],
  ['a hardware error', ({ controller }) => controller.faults.hardwareError(0x42)],
  ['a scan that stops without a word', ({ controller }) => controller.faults.stopScan()],
  [
    'a scan that is refused for a while',
    ({ controller }) => {
      controller.faults.refuseScan = 0x0c;
      controller.faults.stopScan();
      setTimeout(() => {
        controller.faults.refuseScan = 0;
      }, 700);
    },
  ],
  [
    'commands that are not answered',
    ({ controller }) => {
      controller.faults.muteCommands = true;
      controller.faults.stopScan();
      setTimeout(() => {
        controller.faults.muteCommands = false;
      }, 800);
    },
  ],
  ['the TCP connection is cut', ({ controller }) => controller.faults.cut()],
  ['lost framing', ({ controller }) => controller.faults.inject(Buffer.from('99aa55', 'hex'))],
  [
    'the controller is away for a while',
    async ({ controller }) => {
      await controller.faults.down();
      setTimeout(() => void controller.faults.up(), 800);
    },
  ],
];
