// Packet identifiers of one durable session: which journal entry each stands for, over reconnects [MQTT-4.4.0-1].

export type Flight = {
  id: number;
  /** Journal entry; undefined for a retained message, which is sent once and not kept. */
  seq: number | undefined;
  /** QoS 2: PUBREC has come, PUBREL is due instead of PUBLISH. */
  released: boolean;
};

export type Inflight = {
  /** Identifier for an entry: the one it was sent with before, or a free one. Undefined when all 65535 are taken. */
  take(seq: number | undefined): { flight: Flight; again: boolean } | undefined;
  byId(id: number): Flight | undefined;
  bySeq(seq: number): Flight | undefined;
  end(id: number): Flight | undefined;
  /** Retained messages are not kept for the next connection: their identifiers are free again. */
  forgetUnkept(): void;
  released(): readonly Flight[];
  readonly size: number;
};

const LAST_ID = 65535;

/** Packet identifiers 1 to 65535 of one session; a freed one comes again as late as possible. */
export function inflight(): Inflight {
  const ids = new Map<number, Flight>();
  const seqs = new Map<number, Flight>();
  let last = 0;
  return {
    take(seq) {
      const known = seq === undefined ? undefined : seqs.get(seq);
      if (known) return { flight: known, again: true };
      if (ids.size >= LAST_ID) return undefined;
      do last = (last % LAST_ID) + 1;
      while (ids.has(last));
      const flight: Flight = { id: last, seq, released: false };
      ids.set(last, flight);
      if (seq !== undefined) seqs.set(seq, flight);
      return { flight, again: false };
    },
    byId: id => ids.get(id),
    bySeq: seq => seqs.get(seq),
    end(id) {
      const flight = ids.get(id);
      ids.delete(id);
      if (flight?.seq !== undefined) seqs.delete(flight.seq);
      return flight;
    },
    forgetUnkept() {
      for (const flight of ids.values()) if (flight.seq === undefined) ids.delete(flight.id);
    },
    released: () => [...ids.values()].filter(flight => flight.released),
    get size() {
      return ids.size;
    },
  };
}
