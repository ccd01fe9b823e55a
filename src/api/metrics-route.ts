// /metrics: counters and gauges of every node, link, queue and peer of this process, for Prometheus.
import { METRICS_TYPE, metricsText } from './metrics-text.ts';
import { type Route, route } from './route.ts';

export function metricsRoute(): Route {
  return route({
    path: '/metrics',
    summary: 'Counters and gauges of this process, for Prometheus.',
    tag: 'about',
    answers: { 200: { says: 'Prometheus text.', also: ['text/plain'] } },
    handle: () => ({
      status: 200,
      text: metricsText(),
      headers: { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' },
    }),
  });
}
