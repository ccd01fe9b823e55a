// Modbus faults: what went wrong on the line, in the words of the standard, with what an operator should do about it.
import { Fault } from '../kernel/fault.ts';

/**
 * exception: the unit answered that it cannot. timeout: it did not answer. link: the connection is away or broke.
 * answer: what came is no answer to the request. quarantine: the unit is left alone until its next probe.
 * busy: too many requests wait for this unit. unavailable: this machine cannot do it at all.
 */
export type Trouble = 'exception' | 'timeout' | 'link' | 'answer' | 'quarantine' | 'busy' | 'unavailable';

/** Exception codes (Modbus Application Protocol V1.1b3 §7): name and advice. */
const exceptions: Readonly<Record<number, readonly [name: string, advice: string]>> = {
  1: ['illegal function', 'the unit does not have this table; try holding, input, coil or discrete'],
  2: ['illegal data address', 'check address and base of the register map (off by one?), lower the gap budget'],
  3: ['illegal data value', 'lower the most words per request'],
  4: ['device failure', 'look at the display or log of the device'],
  5: ['acknowledge', 'the unit is still working; it is asked again at the next poll'],
  6: ['device busy', 'the unit is busy; it is asked again at the next poll, or poll less often'],
  8: ['memory parity error', 'the memory of the device is damaged'],
  10: ['gateway path unavailable', 'the gateway does not know this unit: check its routing and the unit id'],
  11: ['gateway target failed to respond', 'check wiring, power, baud rate and unit id behind the gateway'],
};

const advices: Readonly<Record<Exclude<Trouble, 'exception'>, string>> = {
  timeout: 'check unit id, wiring and power, or allow more time',
  link: 'check host, port, cable and how many clients the device accepts',
  answer: 'another program may be using the same connection, or the device is faulty',
  quarantine: 'the unit did not answer; it is tried again by itself',
  busy: 'poll less often, or spread the units over more buses',
  unavailable: 'install the package serialport with its add-on for this machine, or use a TCP converter',
};

/** Exceptions 01 to 03 mean a wrong configuration: the same request will fail again. */
const isConfiguration = (exception = 0) => exception >= 1 && exception <= 3;

export class ModbusFault extends Fault {
  readonly trouble: Trouble;
  /** Exception code of the unit or its gateway. */
  readonly exception: number | undefined;
  readonly advice: string;
  /** It never went over the line: nobody can have carried it out. */
  readonly unsent: boolean;

  constructor(trouble: Trouble, message: string, exception?: number, unsent = false) {
    super('FIELDLINE_MODBUS', message, { kind: isConfiguration(exception) ? 'data' : 'outage' });
    this.name = 'ModbusFault';
    this.trouble = trouble;
    this.exception = exception;
    this.unsent = unsent;
    this.advice =
      trouble === 'exception' ? (exceptions[exception ?? 0]?.[1] ?? 'see the manual of the device') : advices[trouble];
  }
}

/** `exception 02 illegal data address` */
export function exceptionName(code: number): string {
  const name = exceptions[code]?.[0] ?? 'unknown to the standard';
  return `exception ${code.toString(16).toUpperCase().padStart(2, '0')} ${name}`;
}

/** Short reason for `metadata.quality` and status texts. */
export function shortReason(fault: ModbusFault): string {
  return fault.trouble === 'exception' && fault.exception !== undefined
    ? exceptionName(fault.exception)
    : fault.trouble === 'timeout'
      ? 'no answer'
      : fault.message;
}

/** The unit said nothing about the request itself: asking it for more would only cost time. */
export function isUnanswered({ trouble, exception }: ModbusFault): boolean {
  return isUnreachable(exception) || (trouble !== 'exception' && trouble !== 'answer');
}

/** 0A and 0B come from a gateway, for a unit that it cannot reach: the link is well, the unit is not. */
export const isUnreachable = (exception: number | undefined): boolean => exception === 10 || exception === 11;
