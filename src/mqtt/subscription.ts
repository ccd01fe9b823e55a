// A subscription over reconnects: asks for its filters, later again for those that were refused, and says what was granted.
import type { TopicFilter } from './audience.ts';
import type { Connection } from './connection.ts';
import { reasonText } from './reasons.ts';

export type SubscriptionHooks = {
  /** `less`: filters that are granted with a lower QoS than asked for, in words; '' where none is. */
  onSubscribed(less: string): void;
  onRefused(reason: string): void;
};

export type Subscription = {
  connected(line: Connection, sessionPresent: boolean): void;
  answered(codes: readonly number[], reason: string | undefined): void;
  disconnected(): void;
};

const RESUBSCRIBE_MS = 30_000;

/** `outdated`: filters of an earlier deploy that the session may still hold. */
export function subscription(
  filters: readonly TopicFilter[],
  outdated: readonly string[],
  { onSubscribed, onRefused }: SubscriptionHooks,
): Subscription {
  let line: Connection | undefined;
  let asked: readonly TopicFilter[] = [];
  let isComplete = false;
  let again: NodeJS.Timeout | undefined;

  function ask(which: readonly TopicFilter[]): void {
    clearTimeout(again);
    asked = which;
    line?.subscribe(which);
  }

  return {
    connected(to, sessionPresent) {
      line = to;
      // 3.1.1 would send every retained message again.
      if (isComplete && sessionPresent) return onSubscribed('');
      to.unsubscribe(outdated.filter(old => filters.every(({ filter }) => filter !== old)));
      ask(filters);
    },
    answered(codes, reason) {
      const answers = asked.map((filter, at) => ({ ...filter, code: codes[at] ?? 0x80 }));
      const refused = answers.filter(({ code }) => code >= 0x80);
      isComplete = refused.length === 0;
      if (isComplete) {
        const less = answers.filter(({ qos, code }) => code < qos);
        onSubscribed(less.map(({ filter, qos, code }) => `${filter}: QoS ${code} instead of ${qos}`).join(', '));
        return;
      }
      const text = refused.map(({ filter, code }) => `${filter}: ${reasonText(code, reason)}`).join(', ');
      onRefused(`subscription refused: ${text}`);
      // An administrator may allow it later; MQTT does not tell.
      again = setTimeout(ask, RESUBSCRIBE_MS, refused);
    },
    disconnected() {
      line = undefined;
      clearTimeout(again);
    },
  };
}
