// Status line under a node: at most one in a while leaves, the latest wins (each one travels to every open editor).
import type { Fill } from './define.ts';

type Show = (fill: Fill, text: string) => void;

/** `show` is called at once for the first status, and then at most once in the gap. */
export function calmStatus(show: Show, gapMs = 1000): { set: Show; close(): void } {
  let latest: [Fill, string] | undefined;
  let shown = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    if (latest === undefined) return;
    const [fill, text] = latest;
    latest = undefined;
    if (`${fill} ${text}` === shown) return;
    shown = `${fill} ${text}`;
    show(fill, text);
    timer = setTimeout(flush, gapMs);
    timer.unref();
  };
  return {
    set(fill, text) {
      latest = [fill, text];
      if (timer === undefined) flush();
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
