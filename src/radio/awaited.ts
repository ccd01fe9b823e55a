// Devices that somebody waits for: each until it is met, given up, or its time is over.

export type AwaitedDevices = {
  readonly size: number;
  has(address: string): boolean;
  /** Resolves with the number of its link. */
  wait(address: string, withinMs: number): Promise<number>;
  /** An attempt has failed; the wait goes on, and gives this reason when its time is over. */
  failed(address: string, reason: string): void;
  /** The wait is over: the answer takes the number of the link. Undefined where nobody waits. */
  met(address: string): ((link: number) => void) | undefined;
  giveUp(address: string, reason: string): void;
  close(): void;
};

type Awaited = { resolve(link: number): void; reject(reason: Error): void; timer: NodeJS.Timeout; failure: string };

/** `onChange`: their number has changed. */
export function awaitedDevices(onChange: () => void): AwaitedDevices {
  const awaited = new Map<string, Awaited>();

  function taken(address: string): Awaited | undefined {
    const waiting = awaited.get(address);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    awaited.delete(address);
    onChange();
    return waiting;
  }
  const giveUp = (address: string, reason: string): void => taken(address)?.reject(new Error(reason));

  return {
    get size() {
      return awaited.size;
    },
    has: address => awaited.has(address),
    wait(address, withinMs) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          const failure = awaited.get(address)?.failure;
          giveUp(address, failure || `${address} was not heard: it is off, away or linked to another host`);
        }, withinMs);
        awaited.set(address, { resolve, reject, timer, failure: '' });
        onChange();
      });
    },
    failed(address, reason) {
      const waiting = awaited.get(address);
      if (waiting !== undefined) waiting.failure = reason;
    },
    met: address => taken(address)?.resolve,
    giveUp,
    close() {
      for (const { timer } of awaited.values()) clearTimeout(timer);
    },
  };
}
