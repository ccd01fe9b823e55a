// What a message asks of a device: measure, read or write, in the few ways in which people write that down.
import { fromHex } from '../kernel/bytes.ts';
import { expected } from '../kernel/fault.ts';

export type GattCommand =
  | { command: 'measure' }
  | { command: 'read'; service: string; characteristic: string }
  | { command: 'write'; service: string; characteristic: string; bytes: Uint8Array; withResponse: boolean };

/** Where a command goes that does not say it. */
export type CommandPlace = { service: string; characteristic: string; commands: string };

const WORDS = ['measure', 'read', 'write'] as const;
/** The longest value of an attribute (Core 5.4, Vol 3 Part F §3.2.9). */
const LONGEST = 512;

/**
 * `payload`: `measure`; `{ command: 'read', service?, characteristic? }`; `{ command: 'write', value, service?,
 * characteristic?, response? }`. The command may stand in `topic` instead, with the value or the characteristic as
 * payload. A value is hex, bytes or a list of numbers.
 */
export function gattCommandOf(
  { topic, payload }: { topic?: unknown; payload?: unknown },
  place: CommandPlace,
): GattCommand | { rejected: string } {
  const fields = isObject(payload) ? payload : {};
  const word = WORDS.find(one => one === (fields['command'] ?? (payload === one ? payload : topic)));
  const rest = word === payload ? undefined : payload;
  switch (word) {
    case 'measure':
      return { command: 'measure' };
    case 'read': {
      const named = typeof rest === 'string' && rest.trim() !== '' ? rest.trim() : undefined;
      const characteristic = text(fields['characteristic']) ?? named ?? place.characteristic;
      return { command: 'read', service: text(fields['service']) ?? place.service, characteristic };
    }
    case 'write': {
      const bytes = bytesOf(isObject(payload) ? fields['value'] : rest);
      if (bytes === undefined || bytes.length === 0 || bytes.length > LONGEST)
        return {
          rejected: expected('write', `1 to ${LONGEST} bytes as hex, a buffer or numbers`, fields['value'] ?? rest),
        };
      return {
        command: 'write',
        service: text(fields['service']) ?? place.service,
        characteristic: text(fields['characteristic']) ?? place.commands,
        bytes,
        withResponse: fields['response'] !== false,
      };
    }
    default:
      return { rejected: expected('command', WORDS.join(', '), fields['command'] ?? topic ?? payload) };
  }
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return fromHex(value);
  const numbers = Array.isArray(value) && value.every(one => Number.isInteger(one) && one >= 0 && one <= 255);
  return numbers ? Uint8Array.from(value as number[]) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
