// Topics and topic filters of MQTT: validity and matching [MQTT-4.7].

/** Reason why a filter is no valid topic filter, or undefined. */
export function filterFault(filter: string): string | undefined {
  if (filter.length === 0) return 'a topic filter has at least one character [MQTT-4.7.3-1]';
  if (filter.includes('\0')) return 'a topic filter has no NUL [MQTT-4.7.3-2]';
  const levels = filter.split('/');
  for (const [at, level] of levels.entries()) {
    if (level.includes('#') && (level !== '#' || at !== levels.length - 1))
      return '# stands alone, as the last level [MQTT-4.7.1-1]';
    if (level.includes('+') && level !== '+') return '+ stands alone in its level [MQTT-4.7.1-2]';
  }
  return undefined;
}

/** Does the topic match the filter? Topics that begin with $ match no filter that begins with a wildcard [MQTT-4.7.2-1]. */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  const want = filter.split('/');
  const have = topic.split('/');
  for (let at = 0; at < want.length; at++) {
    if (want[at] === '#') return true;
    if (at >= have.length) return false;
    if (want[at] !== '+' && want[at] !== have[at]) return false;
  }
  return want.length === have.length;
}
