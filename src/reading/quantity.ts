// A count with its noun, as statuses tell it to people: "1 reading", "2 readings", "0 anomalies".

/** `plural` where it is not the noun with an s. */
export function quantity(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
