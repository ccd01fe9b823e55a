// How a serial line is set, and what follows from it for its timing (Modbus over Serial Line V1.02 §2.5.1.1).

export const parities = ['none', 'even', 'odd'] as const;
export type LineFormat = {
  baudRate: number;
  dataBits: 7 | 8;
  parity: (typeof parities)[number];
  stopBits: 1 | 2;
};

/** A start bit, data, parity and stop bits: 10 bits for 8N1, 11 for 8E1 and 8N2. */
const bitsOf = ({ dataBits, parity, stopBits }: LineFormat) => 1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits;

/** Milliseconds of one character: 1.042 at 9,600 8N1. */
export const charMsOf = (format: LineFormat): number => (1000 * bitsOf(format)) / format.baudRate;

/** Silence between two frames: 3.5 characters, 1.75 ms above 19,200 baud. */
export const pauseOf = (format: LineFormat): number => (format.baudRate > 19_200 ? 1.75 : 3.5 * charMsOf(format));

/** `9600 8N1` */
export const formatName = ({ baudRate, dataBits, parity, stopBits }: LineFormat): string =>
  `${baudRate} ${dataBits}${parity[0]?.toUpperCase()}${stopBits}`;
