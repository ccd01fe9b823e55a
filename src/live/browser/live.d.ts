// Types of live.js, the browser client of Fieldline's live rows.

/** A row as its flat message: `type` and the columns of its table, times in ISO 8601. */
export type Row = Readonly<Record<string, unknown>> & { type: string };

export type Told = {
  channel: string;
  /** Rises with every row of the server. */
  offset: number;
  /** What was known when the subscription began; rows after it are news. */
  snapshot: boolean;
};
export type Listener = (row: Row, told: Told) => void;

export type Wishes = {
  /** Conditions joined by commas, e.g. `session_id=eq.S1,value_mm=gt.100`. */
  filter?: string;
  /** The newest row of each thing first. */
  snapshot?: boolean;
  /** Of each thing only the newest row, once in this time (20 to 60000 ms). */
  conflate_ms?: number;
  /** Rows were missed that the server no longer has. */
  onGap?(): void;
  /** The channel or the filter is wrong. Left out, it is written to the console. */
  onError?(error: { code: number; message: string }): void;
};

/** `waiting` comes back by itself; `refused` and `closed` do not. */
export type State = 'connecting' | 'open' | 'waiting' | 'refused' | 'closed';

export type Options = {
  /** `ws://host/ws`; left out, where the page came from. */
  url?: string;
  /** A token, or a function that gives a fresh one for each connection. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  onState?(state: State, reason: string): void;
  /** A line that has not come up after this is given up, and another one tried; 10,000 ms where left out. */
  timeoutMs?: number;
  /** Another one than the global. */
  WebSocket?: unknown;
};

export type Live = {
  /** Rows of a channel until the returned function is called; also over lost lines. Throws where the channel is subscribed already. */
  subscribe(channel: string, listener: Listener): () => void;
  subscribe(channel: string, wishes: Wishes, listener: Listener): () => void;
  close(): void;
};

/** Connects, and connects again for as long as it takes. */
export function connect(options?: Options): Live;
