// /metrics: counters and gauges of every node, link, queue and peer of this process, for Prometheus.
import { allMetrics, type Sample } from '../kernel/metrics.ts';
import { METRICS_TYPE, metricsText } from './metrics-text.ts';
import { type Route, route } from './route.ts';

/** Figures that are taken when somebody asks. */
export type Figures = () => readonly Sample[] | Promise<readonly Sample[]>;

export function metricsRoute(figures: Figures): Route {
  return route({
    path: '/metrics',
    summary: 'Counters and gauges of this process, for Prometheus.',
    tag: 'about',
    light: true,
    answers: { 200: { says: 'Prometheus text.', also: ['text/plain'] } },
    handle: async () => ({
      status: 200,
      text: metricsText([...allMetrics(), ...(await figures())]),
      headers: { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' },
    }),
  });
}
