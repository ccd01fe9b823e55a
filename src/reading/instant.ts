// Instants: times of ISO 8601 as numbers, without a Date, which costs twice as much and more.

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
/** The number in these digits, not a number where one is none. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

/** Microseconds since 1970 of `yyyy-mm-ddThh:mm:ss[.ffffff]Z`, exact to the year 2255; not a number for any other form, and for days that are none. */
export function microseconds(text: string): number {
  const { length } = text;
  if (length < 20 || length > 27 || text[length - 1] !== 'Z' || text[10] !== 'T' || text[4] !== '-' || text[7] !== '-')
    return Number.NaN;
  if (text[13] !== ':' || text[16] !== ':' || (length > 20 && text[19] !== '.')) return Number.NaN;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)];
  const last = month === 2 && !isLeap(year) ? 28 : (DAYS[month - 1] ?? 0);
  if (!(day >= 1 && day <= last && hour < 24 && minute < 60 && second < 60)) return Number.NaN;
  const fraction = length > 20 ? digits(text, 20, length - 1) * 10 ** (27 - length) : 0;
  // Days since 1970-01-01, counted from March, so that the leap day is the last of its year.
  const since = month > 2 ? year : year - 1;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const days =
    since * 365 + Math.floor(since / 4) - Math.floor(since / 100) + Math.floor(since / 400) + ofYear - 719_468;
  return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction;
}

/** Milliseconds since 1970, as Date.parse says, of any text that it knows; not a number of others. */
export function milliseconds(text: string): number {
  const us = microseconds(text);
  return Number.isSafeInteger(us) ? Math.floor(us / 1000) : Date.parse(text);
}
