// noble always scans actively and on the coded PHY: its commands are rewritten on their way to the controller.
import { COMMAND, commandPacket, opcodeOf } from './hci.ts';

export type ScanStyle = {
  /** Asks for scan responses, which the devices hear; passive only listens. */
  active: boolean;
  /** The controller knows the coded PHY (long range). */
  coded: boolean;
};

const PHY_1M = 0x01;
const PHY_BOTH = 0x05;
// Where the fields stand in the parameters (Core 5.4, Vol 4 Part E §7.8.10, .64, .66).
const EXTENDED_SCAN = { phys: 2, first: 3, each: 5 } as const;
const EXTENDED_CONNECTION = { phys: 9, first: 10, each: 16 } as const;

/** The command as it is to be sent. Commands that are none of these pass as they are. */
export function rewriteCommand(packet: Buffer, { active, coded }: ScanStyle): Buffer {
  const opcode = opcodeOf(packet);
  const parameters = Buffer.from(packet.subarray(4));
  const type = active ? 1 : 0;
  switch (opcode) {
    case COMMAND.leSetScanParameters:
      parameters[0] = type;
      return commandPacket(opcode, parameters);
    case COMMAND.leSetExtendedScanParameters: {
      const { phys, first, each } = EXTENDED_SCAN;
      parameters[phys] = coded ? PHY_BOTH : PHY_1M;
      parameters[first] = type;
      if (coded) parameters[first + each] = type;
      return commandPacket(opcode, parameters.subarray(0, first + each * (coded ? 2 : 1)));
    }
    case COMMAND.leExtendedCreateConnection: {
      if (coded) return packet;
      const { phys, first, each } = EXTENDED_CONNECTION;
      parameters[phys] = PHY_1M;
      return commandPacket(opcode, parameters.subarray(0, first + each));
    }
    case COMMAND.leSetDefaultPhy:
      return coded ? packet : commandPacket(opcode, Buffer.of(0, PHY_1M, PHY_1M));
    default:
      return packet;
  }
}
