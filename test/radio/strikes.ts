// Faults of an emulated radio that heal by themselves: of links, meters, controller, adapter, and of the Bluetooth process.
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { EmulatedController } from '../../sim/controller/controller.ts';

/** Resolves with false where there was nothing to strike. */
export type Strike = readonly [name: string, strike: () => Promise<boolean>];
export type Struck = Readonly<Record<string, number>>;
export type StrikeOptions = {
  controller: EmulatedController;
  random: () => number;
  meters: readonly string[];
  radioPid: () => number | undefined;
  /** Nothing is sent until `goOn`. */
  beQuiet(): void;
  goOn(): void;
  /** What is sent on this connection from now on reaches nobody. */
  nothingIsReadFromNow(): void;
};

const SUPERVISION = 8;
/** Whole in H4, and too short for what they are. */
const SHORT_PACKETS = ['040e00', '043e00', '043e0102', '040e020100', '040500', '040f00', '0240200000', '043e020d01'];
/** Times in a row that a process is seen at rest. */
const AT_REST = 3;

export function strikesOn(options: StrikeOptions): readonly Strike[] {
  const { controller, random, meters, radioPid, beQuiet, goOn, nothingIsReadFromNow } = options;
  const { faults, connections } = controller;
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const healAfter = (from: number, to: number, heal: () => void): void =>
    void setTimeout(heal, from + random() * (to - from));
  const dropOne = (): void => connections.drop(oneOf(meters), SUPERVISION);
  const simple = (name: string, strike: () => unknown): Strike => [
    name,
    async () => {
      await strike();
      return true;
    },
  ];

  /** At a moment at which everything sent has been read, and the last of it not yet handed over: so all can be counted. */
  const atRest = (name: string, strike: (pid: number) => unknown): Strike => [
    name,
    async () => {
      beQuiet();
      try {
        const port = controller.hostPort;
        const pid = radioPid();
        // On a machine with other work a process may have read long before it has looked at what it read.
        for (let rests = 0; rests < AT_REST && controller.hostPort === port; await wait(1))
          rests = port !== undefined && unreadBytes(port) === 0 && isAsleep(pid) ? rests + 1 : 0;
        if (pid === undefined || port === undefined || controller.hostPort !== port || radioPid() !== pid) return false;
        await strike(pid);
        return true;
      } finally {
        goOn();
      }
    },
  ];
  const ended = (signal: 'SIGKILL' | 'SIGSEGV' | 'SIGSTOP'): Strike =>
    atRest(`the process gets ${signal}`, pid => {
      nothingIsReadFromNow();
      process.kill(pid, signal);
    });

  return [
    simple('a link drops', dropOne),
    simple('all links drop', () => connections.drop(undefined, SUPERVISION)),
    simple('meters that do not answer', () => {
      connections.faults.muteAtt = true;
      dropOne();
      healAfter(300, 1500, () => {
        connections.faults.muteAtt = false;
      });
    }),
    simple('connections that do not come about', () => {
      connections.faults.muteConnect = true;
      dropOne();
      healAfter(300, 1500, () => {
        connections.faults.muteConnect = false;
      });
    }),
    simple('connections that fail', () => {
      connections.faults.refuse.push(0x3e, 0x3e);
      dropOne();
    }),
    simple('a reset without a word', () => faults.resetSilently()),
    simple('a hardware error', () => faults.hardwareError(0x42)),
    simple('a scan that stops', () => faults.stopScan()),
    simple('a scan that is refused', () => {
      faults.refuseScan = 0x0c;
      faults.stopScan();
      healAfter(300, 1500, () => {
        faults.refuseScan = 0;
      });
    }),
    simple('commands that are not answered', () => {
      faults.muteCommands = true;
      faults.stopScan();
      healAfter(300, 2500, () => {
        faults.muteCommands = false;
      });
    }),
    // What is on its way at such a moment the system throws away at either end, and nobody has heard it.
    atRest('the connection is cut', () => faults.cut()),
    atRest('the adapter is away', async () => {
      await faults.down();
      await wait(300 + random() * 1200);
      await faults.up();
    }),
    simple('short packets', () => faults.inject(Buffer.from(oneOf(SHORT_PACKETS), 'hex'))),
    simple('lost framing', () => {
      nothingIsReadFromNow();
      faults.inject(Buffer.from('99aa55', 'hex'));
    }),
    ended('SIGKILL'),
    ended('SIGSEGV'),
    ended('SIGSTOP'),
  ];
}

/** Its main thread waits for something. */
function isAsleep(pid: number | undefined): boolean {
  try {
    return / [SI] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''));
  } catch {
    return false;
  }
}

/** Of the connection with this local port: what the kernel holds for its process. */
function unreadBytes(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find(text => text.trim().split(/\s+/)[1] === local);
  return Number.parseInt(line?.trim().split(/\s+/)[4]?.split(':')[1] ?? '0', 16);
}
