// Return and reason codes of MQTT in words.

// MQTT 3.1.1 table 3.1.
const v4: Readonly<Record<number, string>> = {
  1: 'the protocol version is not supported',
  2: 'the client id is refused',
  3: 'the broker is not available',
  4: 'user name or password are wrong',
  5: 'not authorized',
};

// MQTT 5.0 §2.4.
const v5: Readonly<Record<number, string>> = {
  128: 'no reason given',
  129: 'malformed packet',
  130: 'protocol error',
  131: 'refused by this implementation',
  132: 'the protocol version is not supported',
  133: 'the client id is refused',
  134: 'user name or password are wrong',
  135: 'not authorized',
  136: 'the broker is not available',
  137: 'the broker is busy',
  138: 'banned',
  139: 'the broker is shutting down',
  140: 'bad authentication method',
  141: 'keep alive timeout',
  142: 'the client id is used by another connection',
  143: 'the topic filter is not valid',
  144: 'the topic name is not valid',
  147: 'more messages open than allowed',
  149: 'the packet is too large',
  150: 'the message rate is too high',
  151: 'a quota is exceeded',
  152: 'an administrator ended it',
  153: 'the payload format is not valid',
  154: 'retained messages are not supported',
  155: 'this QoS is not supported',
  156: 'use another broker',
  157: 'the broker has moved',
  158: 'shared subscriptions are not supported',
  159: 'the connection rate is too high',
  160: 'the longest time to be connected is over',
  161: 'subscription identifiers are not supported',
  162: 'wildcard subscriptions are not supported',
};

/** Words for a reason code of MQTT 5 or a return code of 3.1.1; `given`: the broker's own, cut to 200 characters. */
export function reasonText(code: number, given?: string): string {
  const text = v5[code] ?? v4[code] ?? 'unknown reason';
  return `${text} (code ${code})${given ? `: ${given.slice(0, 200)}` : ''}`;
}

/** CONNACK codes of both versions that mean: speak another version [MQTT5-3.1.2-2], 3.1.1 §3.1.2.2. */
export const isUnsupportedVersion = (code: number): boolean => code === 1 || code === 0x84;

/** What a broker says beside its code: why, and which other one is meant [MQTT5-3.2.2-26]. */
export function wordsOf(said: { reasonString?: string; serverReference?: string } = {}): string {
  return [said.reasonString, said.serverReference].filter(text => text !== undefined).join(', ');
}
