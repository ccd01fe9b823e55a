// Long work of the command line: what a signal ends tidies up as what fails does, and how far it is is told now and then.
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The process ends with the usual exit code of the signal once the work has noticed it and has rejected. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopped = new AbortController();
  let by: number | undefined;
  // npm and the terminal may both send it: the second one must not end the tidying.
  const onSignal = (name: NodeJS.Signals, number: number): void => {
    by ??= number;
    stopped.abort(new Error(`stopped by ${name}`));
  };
  for (const name of ENDING) process.on(name, onSignal);
  try {
    return await work(stopped.signal);
  } catch (error) {
    if (by !== undefined) process.exit(128 + by);
    throw error;
  } finally {
    for (const name of ENDING) process.removeListener(name, onSignal);
  }
}

/** Says `words()` every few seconds until the work is done. */
export async function toldMeanwhile<T>(
  tell: (line: string) => void,
  words: () => string,
  work: () => Promise<T>,
  everyMs = 5000,
): Promise<T> {
  const timer = setInterval(() => tell(words()), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
