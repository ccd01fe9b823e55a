// Dates and times in registers: seconds since a day, the binary time of IEC 60870-5-4, and six registers from year to second.

/**
 * unix: seconds since 1970 in 2 or 4 registers. unix-ms: milliseconds in 4. since-2000: seconds since 2000 (SunSpec) in 2.
 * iec870: 4 registers (Schneider's DATETIME). parts: year, month, day, hour, minute, second, a register each.
 */
export const dateFormats = { unix: [2, 4], 'unix-ms': [4], 'since-2000': [2], iec870: [4], parts: [6] } as const;
export type DateFormat = keyof typeof dateFormats;

const MS_2000 = Date.UTC(2000, 0, 1);
/** What a JavaScript date can hold. */
const LAST_MS = 8.64e15;

/** ISO 8601: with Z where the device counts from a day, without a zone where it gives its own wall clock. */
export function dateOf(bytes: Buffer, format: DateFormat): string | undefined {
  switch (format) {
    case 'unix':
      return utc(Number(bytes.length === 8 ? bytes.readBigInt64BE(0) : bytes.readUInt32BE(0)) * 1000);
    case 'unix-ms':
      return utc(Number(bytes.readBigInt64BE(0)));
    case 'since-2000':
      return utc(MS_2000 + bytes.readUInt32BE(0) * 1000);
    case 'iec870':
      return iec870(bytes);
    case 'parts': {
      const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = wordsOf(bytes);
      return local(year < 100 ? 2000 + year : year, month, day, hour, minute, second * 1000);
    }
  }
}

const wordsOf = (bytes: Buffer) => Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readUInt16BE(2 * at));

const utc = (ms: number) => (Math.abs(ms) <= LAST_MS ? new Date(ms).toISOString() : undefined);

/** Word 1: year in bits 0-6. 2: month in 8-11, day in 0-4. 3: hour in 8-12, invalid in 7, minute in 0-5. 4: milliseconds of the minute. */
function iec870(bytes: Buffer): string | undefined {
  const [first = 0, second = 0, third = 0, ms = 0] = wordsOf(bytes);
  if (third & 0x80) return undefined;
  return local(2000 + (first & 0x7f), (second >> 8) & 0xf, second & 0x1f, (third >> 8) & 0x1f, third & 0x3f, ms);
}

function local(year: number, month: number, day: number, hour: number, minute: number, ms: number): string | undefined {
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, 0, ms));
  const wanted = [year, month, day, hour, minute];
  const is = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
  ];
  // The 31st of February would become the 3rd of March.
  return ms < 60_000 && wanted.every((part, at) => part === is[at]) ? date.toISOString().slice(0, -1) : undefined;
}
