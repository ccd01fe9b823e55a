// How a source of MQTT messages stands: told to the node's status and to /health.

export type SourceState =
  | { state: 'connecting' }
  /** The subscription is acknowledged; `detail` names a filter that got less than it asked for. */
  | { state: 'subscribed'; via: 'MQTT 5' | 'MQTT 3.1.1' | 'journal'; detail: string | undefined }
  /** The peer answered and does not let us: credentials, a topic that is not allowed. Tried again all the same. */
  | { state: 'refused'; reason: string }
  | { state: 'offline'; reason: string }
  | { state: 'closed' };

export type SourceHooks = {
  onState?(state: SourceState): void;
  /** True: the window is full, or that of the broker most likely is, so that nothing more comes until something settles. */
  onWindow?(full: boolean): void;
  /** A message that was acknowledged without being handed on, with the reason. */
  onDropped?(reason: string, topic: string, bytes: number): void;
};
