// RTU over TCP: serial frames, checksum and all, through a converter (terminal server, GSM modem) that knows nothing of Modbus.
import { dial, type Peer } from './dial.ts';
import type { Connect } from './link.ts';
import { owedAnswers } from './owed.ts';
import { rtuLink } from './rtu.ts';
import { charMsOf, type LineFormat, pauseOf } from './serial-format.ts';

export type RtuOverTcpOptions = Peer & {
  /** The line behind the converter, where it is known. */
  format?: LineFormat;
  drainMs: number;
};

/** Least silence where the speed of the line behind the converter is not known. */
const PAUSE_MS = 5;
/** A packet of the network may be late by so much and still belong to the frame before. */
const QUIET_MS = 100;

export function rtuOverTcpConnector(options: RtuOverTcpOptions): Connect {
  const { format, drainMs } = options;
  const owed = owedAnswers();
  const timing = {
    charMs: format === undefined ? 0 : charMsOf(format),
    pauseMs: format === undefined ? PAUSE_MS : Math.max(PAUSE_MS, pauseOf(format)),
    quietMs: QUIET_MS,
    drainMs,
  };
  return async signal => {
    const socket = await dial(options, signal);
    return rtuLink({ stream: socket, close: async () => void socket.destroy(), timing, watched: true, owed });
  };
}
