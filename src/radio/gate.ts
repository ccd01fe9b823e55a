// Stands between noble and the controller in the place of noble's socket: takes the adverts out, rewrites the scan
// commands, times every command, and lets nothing through that would throw in noble's data handler.
import { EventEmitter } from 'node:events';
import { reasonOf } from '../kernel/fault.ts';
import { type AdvertReport, reportReader } from './advert-report.ts';
import { answerIn, type CommandAnswer, eventForNoble } from './answers.ts';
import { isEmptyAnswer, type Refusal, refusalIn } from './att-error.ts';
import { commandLane } from './command-lane.ts';
import { PACKET } from './h4.ts';
import { COMMAND, commandPacket, EVENT, eventPacket, LE_EVENT, opcodeOf } from './hci.ts';
import { rewriteCommand, type ScanStyle } from './scan-command.ts';
import type { Transport } from './transport.ts';

export type GateEvents = {
  onAdvert(report: AdvertReport): void;
  /** Something was wrong, and has been dealt with. */
  onFault(where: string, reason: string): void;
  /** `status` of the command that switches the scan on. */
  onScanRefused(status: number): void;
  /** A device refused a read or a write. */
  onRefusal(refusal: Refusal): void;
  /** The controller is of no use any more: it must be set up from the beginning. */
  onDead(reason: string): void;
};

export type Gate = {
  /** What noble makes its socket with: `new` gives the one socket of this gate. */
  readonly Socket: new () => EventEmitter;
  /** To be called with every packet of the controller. */
  take(packet: Buffer): void;
  /** Asks the controller past noble. Never rejects: silence is `onDead`. */
  ask(opcode: number, parameters?: Uint8Array): Promise<CommandAnswer>;
  /** The same of a command that not every controller knows: undefined where it is silent. */
  tryToAsk(opcode: number, parameters?: Uint8Array): Promise<CommandAnswer | undefined>;
  /** Makes noble believe that a link has ended. */
  endLink(handle: number, reason: number): void;
  style: ScanStyle;
  close(): void;
};

/** Events that are let through to a kernel socket: those of noble, and hardware errors (struct hci_filter). */
export function kernelFilter(): Buffer {
  const filter = Buffer.alloc(16);
  filter.writeUInt32LE((1 << PACKET.command) | (1 << PACKET.event) | (1 << PACKET.acl), 0);
  for (const event of Object.values(EVENT)) {
    const word = event < 32 ? 4 : 8;
    filter.writeUInt32LE((filter.readUInt32LE(word) | (1 << (event & 31))) >>> 0, word);
  }
  return filter;
}

export function gateOf(transport: Transport, events: GateEvents, commandMs: number): Gate {
  const { onAdvert, onFault, onScanRefused, onRefusal, onDead } = events;
  const socket = new EventEmitter();
  const reports = reportReader();
  const style: ScanStyle = { active: false, coded: false };
  const lane = commandLane({
    send: transport.send,
    oneByOne: transport.exclusive,
    timeoutMs: commandMs,
    onSilence: opcode => onDead(`the controller did not answer command 0x${opcode.toString(16).padStart(4, '0')}`),
  });

  function toNoble(packet: Buffer): void {
    try {
      socket.emit('data', packet);
    } catch (error) {
      onFault('packet', reasonOf(error));
    }
  }

  function forNoble(command: Buffer, answer: CommandAnswer): void {
    const opcode = opcodeOf(command);
    const enable = opcode === COMMAND.leSetScanEnable || opcode === COMMAND.leSetExtendedScanEnable;
    // noble waits for ever where the controller refuses to scan.
    if (enable && command[4] === 1 && answer.status !== 0) onScanRefused(answer.status);
    else if (enable) reports.begin();
    toNoble(eventForNoble(answer));
  }

  function takeAnswer(packet: Buffer): void {
    const answer = answerIn(packet);
    const taken = answer !== undefined && lane.answer(answer);
    // An answer to command 0 only says how many commands the controller takes.
    if (taken || answer?.opcode === 0) return;
    // What another program on this adapter has asked for.
    if (packet.length >= 7) toNoble(packet);
    else onFault('packet', `event 0x${packet[1]!.toString(16)} is too short`);
  }

  function takeEvent(packet: Buffer): void {
    const event = packet[1];
    if (event === EVENT.leMeta && (packet[3] === LE_EVENT.advert || packet[3] === LE_EVENT.extendedAdvert)) {
      const { reports: heard, faults } = reports.read(packet);
      for (const fault of faults) onFault('advert', fault);
      for (const report of heard) onAdvert(report);
    } else if (event === EVENT.hardwareError) onDead(`hardware error 0x${(packet[3] ?? 0).toString(16)}`);
    else if (event === EVENT.commandComplete || event === EVENT.commandStatus) takeAnswer(packet);
    else toNoble(packet);
  }

  Object.assign(socket, {
    bindRaw: () => 0,
    bindUser: () => 0,
    isDevUp: () => transport.isUp(),
    start: () => {},
    stop: () => {},
    setFilter: () => {},
    write(packet: Buffer) {
      if (packet[0] !== PACKET.command) return transport.send(packet);
      const command = rewriteCommand(packet, style);
      const opcode = opcodeOf(command);
      // The kernel takes this one upon itself and answers when the link stands; the attempt has its own time limit.
      if (opcode === COMMAND.leCreateConnection && !transport.exclusive) transport.send(command);
      else lane.push(command, answer => answer && forNoble(command, answer));
    },
  });
  return {
    Socket: function SocketOfGate() {
      return socket;
    } as unknown as new () => EventEmitter,
    take(packet) {
      if (packet[0] === PACKET.event && packet.length >= 3) return takeEvent(packet);
      if (isEmptyAnswer(packet)) return onFault('packet', 'a device said nothing');
      // First the refusal: noble answers a refused read with nothing, as if that had been read.
      const refusal = refusalIn(packet);
      if (refusal !== undefined) onRefusal(refusal);
      toNoble(packet);
    },
    ask: (opcode, parameters) =>
      new Promise(resolve => lane.push(commandPacket(opcode, parameters), answer => answer && resolve(answer))),
    tryToAsk: (opcode, parameters) =>
      new Promise(resolve => lane.push(commandPacket(opcode, parameters), resolve, true)),
    endLink: (handle, reason) =>
      toNoble(eventPacket(EVENT.disconnected, Buffer.of(0, handle & 0xff, handle >> 8, reason))),
    style,
    close: () => lane.close(),
  };
}
