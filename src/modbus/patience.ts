// How long a unit may take: what is configured, longer for one whose answers were seen to come late, shorter where its silence blocks others.

/** At most so many times the configured time, and on a shared line at least that part of it. */
const LONGEST = 4;
const SHORTEST = 1 / 4;
/** The slowest of that many answers counts, and nothing is shortened before so many were heard. */
const REMEMBERED = 32;

export type Patience = {
  /** Milliseconds from the end of the request to the beginning of the answer. */
  readonly ms: number;
  heard(ms: number, late: boolean): void;
};

/** `shared`: while this unit is waited for, no other one can be asked. */
export function patienceOf(configuredMs: number, shared: boolean): Patience {
  const answers: number[] = [];
  let ms = configuredMs;
  return {
    get ms() {
      return ms;
    },
    heard(took, late) {
      answers.push(took);
      if (answers.length > REMEMBERED) answers.shift();
      const slowest = Math.max(...answers);
      const least = shared && answers.length === REMEMBERED ? configuredMs * SHORTEST : configuredMs;
      const wanted = Math.min(Math.max(least, 3 * slowest), configuredMs * LONGEST);
      // A late answer is a reason to wait longer at once; shorter only when the slow ones are forgotten.
      ms = late ? Math.max(ms, wanted) : wanted;
    },
  };
}
