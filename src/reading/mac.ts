// Addresses of Bluetooth devices: every spelling that scanners and people use, and the one form that is stored.

const PAIR = '[0-9a-f]{2}';
/** One separator throughout: nothing else of twelve digits is written like that. */
const written = (separator: string): string => `(?:${PAIR}${separator}){5}${PAIR}`;
/** Of switches. With blanks it would rather be a serial number. */
const FOURS = '(?:[0-9a-f]{4}\\.){2}[0-9a-f]{4}';

const oneOf = (forms: readonly string[]): RegExp => new RegExp(`^(?:${forms.join('|')})$`, 'i');

/** The function device_address of the database knows the same spellings. */
const SPELLINGS = oneOf([`(?:0x)?(?:${PAIR}[:-]?){5}${PAIR}`, ...['\\.', '_', ' '].map(written), FOURS]);
const UNMISTAKABLE = oneOf([...[':', '-', '\\.', '_', ' '].map(written), FOURS, `0x${PAIR.repeat(6)}`]);

/** Upper case with colons, of what stands where an address belongs: twelve digits alone are one. Undefined where it is none. */
export function macOf(text: string): string | undefined {
  return SPELLINGS.test(text) ? stored(text) : undefined;
}

/** The same of what may be any name: digits alone, which a serial number has as well, are none. */
export function unmistakableMacOf(text: string): string | undefined {
  return UNMISTAKABLE.test(text) ? stored(text) : undefined;
}

const stored = (text: string): string =>
  text
    .replace(/^0x|[:._ -]/gi, '')
    .replace(/..(?=.)/g, '$&:')
    .toUpperCase();
