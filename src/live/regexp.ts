// Regular expressions for filters of strangers, in time that grows with the text alone: all paths at once instead of one after the other.

type Test = (char: number) => boolean;
/** A step of the machine; numbers are places in the program. */
type Step =
  | { kind: 'char'; test: Test; next: number }
  | { kind: 'split'; next: number; other: number }
  | { kind: 'start' | 'end'; next: number }
  | { kind: 'match' };
type Part =
  | { kind: 'char'; test: Test }
  | { kind: 'start' | 'end' }
  | { kind: 'sequence' | 'choice'; parts: readonly Part[] }
  | { kind: 'repeat'; part: Part; min: number; max: number };

const MAX_STEPS = 256;
/** Of a value no more than this is looked at. */
const MAX_TEXT = 4096;
const MAX_REPEAT = 255;

/** Each character of a text may cost as many as `steps`. */
export type Expression = ((text: string) => boolean) & { readonly steps: number };

/**
 * A predicate "matches somewhere", as PostgreSQL's `~` (or `~*`), else what is not taken: no back references, no looking
 * around, and nothing longer than 256 steps with its repetitions written out.
 */
export function compile(pattern: string, ignoreCase: boolean): Expression | { refused: string } {
  try {
    const program = programOf(parse(pattern, ignoreCase));
    return Object.assign((text: string) => runs(program, text), { steps: program.length });
  } catch (error) {
    if (error instanceof Unfit) return { refused: `regular expression: ${error.message}` };
    throw error;
  }
}

class Unfit extends Error {}

function parse(pattern: string, ignoreCase: boolean): Part {
  const chars = [...pattern];
  let at = 0;
  const more = (): boolean => at < chars.length;

  function choice(): Part {
    const parts = [sequence()];
    while (chars[at] === '|') {
      at++;
      parts.push(sequence());
    }
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  function sequence(): Part {
    const parts: Part[] = [];
    while (more() && chars[at] !== '|' && chars[at] !== ')') parts.push(repeated(atom()));
    return { kind: 'sequence', parts };
  }

  function repeated(part: Part): Part {
    let it = part;
    for (;;) {
      const bounds = quantifier();
      if (bounds === undefined) return it;
      it = { kind: 'repeat', part: it, min: bounds[0], max: bounds[1] };
    }
  }

  function quantifier(): [number, number] | undefined {
    const found = /^(?:([*+?])|\{(\d{1,3})(,(\d{0,3}))?\})\??/.exec(chars.slice(at, at + 12).join(''));
    if (found === null) return undefined;
    at += found[0].length;
    const [, sign, least = '', comma, most = ''] = found;
    if (sign !== undefined) return [sign === '+' ? 1 : 0, sign === '?' ? 1 : Infinity];
    const min = Number(least);
    const max = comma === undefined ? min : most === '' ? Infinity : Number(most);
    if (max < min || min > MAX_REPEAT || (max > MAX_REPEAT && max !== Infinity))
      throw new Unfit(`expected a repetition up to ${MAX_REPEAT}`);
    return [min, max];
  }

  function atom(): Part {
    const char = chars[at++]!;
    if (char === '(') return group();
    if (char === '[') return { kind: 'char', test: folded(bracket()) };
    if (char === '.') return { kind: 'char', test: () => true };
    if (char === '^') return { kind: 'start' };
    if (char === '$') return { kind: 'end' };
    if ('*+?'.includes(char)) throw new Unfit(`${char} repeats nothing`);
    if (char === '\\') return { kind: 'char', test: folded(escaped()) };
    return { kind: 'char', test: folded(same(char)) };
  }

  function group(): Part {
    if (chars[at] === '?') {
      if (chars[at + 1] !== ':') throw new Unfit('looking around and options are not taken');
      at += 2;
    }
    const inner = choice();
    if (chars[at++] !== ')') throw new Unfit('a parenthesis is not closed');
    return inner;
  }

  function escaped(): Test {
    const char = chars[at++];
    if (char === undefined) throw new Unfit('a backslash at the end');
    const known = classes[char];
    if (known !== undefined) return known;
    const control = controls[char];
    if (control !== undefined) return same(control);
    if (/[a-z0-9]/i.test(char)) throw new Unfit(`\\${char} is not taken`);
    return same(char);
  }

  function bracket(): Test {
    const negated = chars[at] === '^';
    if (negated) at++;
    const tests: Test[] = [];
    for (let first = true; first || chars[at] !== ']'; first = false) {
      if (!more()) throw new Unfit('a bracket is not closed');
      tests.push(member());
    }
    at++;
    const found: Test = char => tests.some(test => test(char));
    return negated ? char => !found(char) && !(ignoreCase && casesOf(char).some(found)) : found;
  }

  function member(): Test {
    const named = /^\[:(\w+):\]/.exec(chars.slice(at, at + 12).join(''));
    if (named !== null) {
      const test = posix.get(named[1]!);
      if (test === undefined) throw new Unfit(`[:${named[1]}:] is not known`);
      at += named[0].length;
      return test;
    }
    const char = chars[at++]!;
    if (char === '\\') return escaped();
    if (chars[at] !== '-' || chars[at + 1] === ']' || at + 1 >= chars.length) return same(char);
    at++;
    const last = chars[at++]!;
    const [from, to] = [char.codePointAt(0)!, last.codePointAt(0)!];
    if (last === '\\' || to < from) throw new Unfit(`the range ${char}-${last} is none`);
    return code => code >= from && code <= to;
  }

  /** A test that takes either case where case does not matter. */
  function folded(test: Test): Test {
    return ignoreCase ? char => test(char) || casesOf(char).some(test) : test;
  }

  const whole = choice();
  if (more()) throw new Unfit('a parenthesis is closed that was not opened');
  return whole;
}

function same(text: string): Test {
  const code = text.codePointAt(0)!;
  return char => char === code;
}

function casesOf(char: number): number[] {
  const text = String.fromCodePoint(char);
  return [text.toLowerCase().codePointAt(0)!, text.toUpperCase().codePointAt(0)!];
}

function ofClass(expression: RegExp): Test {
  return char => expression.test(String.fromCodePoint(char));
}

function not(test: Test): Test {
  return char => !test(char);
}

const digit = ofClass(/\d/);
const word = ofClass(/[\p{L}\p{N}_]/u);
const space = ofClass(/\s/);
const classes: Readonly<Record<string, Test>> = {
  ...{ d: digit, D: not(digit), w: word, W: not(word), s: space, S: not(space) },
};
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' };
// No plain object: that has a valueOf and a toString, too.
const posix: ReadonlyMap<string, Test> = new Map([
  ['alpha', ofClass(/\p{L}/u)],
  ['digit', digit],
  ['alnum', ofClass(/[\p{L}\p{N}]/u)],
  ['upper', ofClass(/\p{Lu}/u)],
  ['lower', ofClass(/\p{Ll}/u)],
  ['space', space],
  ['punct', ofClass(/[!-/:-@[-`{-~]/)],
  ['xdigit', ofClass(/[0-9a-f]/i)],
  ['blank', ofClass(/[ \t]/)],
  ['word', word],
]);

function programOf(part: Part): readonly Step[] {
  const steps: Step[] = [];
  const add = <S extends Step>(step: S): S => {
    if (steps.length >= MAX_STEPS) throw new Unfit(`expected at most ${MAX_STEPS} steps with its repetitions`);
    steps.push(step);
    return step;
  };
  const split = (): Extract<Step, { kind: 'split' }> => add({ kind: 'split', next: steps.length + 1, other: 0 });
  function emit(it: Part): void {
    switch (it.kind) {
      case 'char':
        add({ kind: 'char', test: it.test, next: steps.length + 1 });
        return;
      case 'start':
      case 'end':
        add({ kind: it.kind, next: steps.length + 1 });
        return;
      case 'sequence':
        for (const one of it.parts) emit(one);
        return;
      case 'choice':
        emitChoice(it.parts);
        return;
      case 'repeat':
        emitRepeat(it);
    }
  }
  function emitChoice([first, ...others]: readonly Part[]): void {
    if (others.length === 0) {
      emit(first!);
      return;
    }
    const fork = split();
    emit(first!);
    const jump = split();
    fork.other = steps.length;
    emitChoice(others);
    jump.next = steps.length;
    jump.other = steps.length;
  }
  function emitRepeat({ part, min, max }: Extract<Part, { kind: 'repeat' }>): void {
    for (let n = 0; n < min; n++) {
      const before = steps.length;
      emit(part);
      // Nothing, however often: of repetitions within repetitions there are more than can be counted.
      if (steps.length === before) break;
    }
    if (max === Infinity) {
      const fork = split();
      emit(part);
      const back = split();
      back.next = back.other = steps.indexOf(fork);
      fork.other = steps.length;
      return;
    }
    const forks: Extract<Step, { kind: 'split' }>[] = [];
    for (let n = min; n < max; n++) {
      forks.push(split());
      emit(part);
    }
    for (const fork of forks) fork.other = steps.length;
  }
  emit(part);
  steps.push({ kind: 'match' });
  return steps;
}

/** Follows every path at once, a character at a time; each step is met at most once for each character. */
function runs(program: readonly Step[], text: string): boolean {
  const chars = Array.from(text.slice(0, MAX_TEXT), char => char.codePointAt(0)!);
  const met = new Int32Array(program.length).fill(-1);
  let current: number[] = [];
  let following: number[] = [];

  function follow(first: number, at: number, into: number[]): boolean {
    const open = [first];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (met[place] === at) continue;
      met[place] = at;
      const step = program[place]!;
      if (step.kind === 'match') return true;
      if (step.kind === 'char') into.push(place);
      else if (step.kind === 'split') open.push(step.next, step.other);
      else if (step.kind === 'start' ? at === 0 : at === chars.length) open.push(step.next);
    }
    return false;
  }

  if (follow(0, 0, current)) return true;
  for (let at = 0; at < chars.length; at++) {
    for (const place of current) {
      const step = program[place] as Extract<Step, { kind: 'char' }>;
      if (step.test(chars[at]!) && follow(step.next, at + 1, following)) return true;
    }
    // It may begin anywhere.
    if (follow(0, at + 1, following)) return true;
    [current, following] = [following, current];
    following.length = 0;
  }
  return false;
}
