// Where a durable subscription gets its messages: the broker that was chosen, the embedded one's journal, or MQTT_URL.
import { expected, Fault } from '../kernel/fault.ts';
import { filterFault } from '../kernel/topic.ts';
import type { Source } from '../reading/contracts.ts';
import type { TopicFilter } from './audience.ts';
import type { JournalBroker } from './consumers.ts';
import { knownFilters, rememberFilters } from './identity.ts';
import { journalSource } from './journal-source.ts';
import type { SourceHooks } from './source-state.ts';
import { stockEndpoint } from './stock-broker.ts';
import { wireSource } from './subscriber.ts';

export type IngestSourceOptions = SourceHooks & {
  filters: readonly TopicFilter[];
  clientId: string;
  window: number;
  source: string;
  sessionExpirySeconds: number;
  /** Stock `mqtt-broker` config node, where one is chosen. */
  stock: Readonly<Record<string, unknown>> | undefined;
  /** The embedded broker of the gateway. */
  broker: JournalBroker | undefined;
  /** Address of the broker given with MQTT_URL. */
  mqttUrl: string | undefined;
  /** Folder in which the subscribed filters are remembered. */
  directory: string;
};

/** Undefined when there is no broker at all. Throws a Fault FIELDLINE_SETTING on wrong filters or a wrong address. */
export function ingestSource(options: IngestSourceOptions): Source | undefined {
  const { filters, stock, broker, mqttUrl, directory, sessionExpirySeconds, ...common } = options;
  if (filters.length === 0) throw new Fault('FIELDLINE_SETTING', expected('Topics', 'one topic filter at least', []));
  for (const { filter } of filters) {
    const wrong = filterFault(filter);
    if (wrong) throw new Fault('FIELDLINE_SETTING', `${expected('Topics', 'a topic filter', filter)}: ${wrong}`);
  }
  if (stock === undefined && broker !== undefined)
    return journalSource({ ...common, filters, broker, expirySeconds: sessionExpirySeconds });
  const endpoint = stock ? stockEndpoint(stock) : mqttUrl === undefined ? undefined : { url: mqttUrl };
  if (endpoint === undefined) return undefined;
  return wireSource({
    ...common,
    ...endpoint,
    filters,
    sessionExpirySeconds,
    unsubscribe: knownFilters(directory, common.clientId),
    onState(state) {
      if (state.state === 'subscribed')
        rememberFilters(
          directory,
          common.clientId,
          filters.map(({ filter }) => filter),
        );
      common.onState?.(state);
    },
  });
}
