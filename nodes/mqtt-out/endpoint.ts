// Where mqtt-out publishes: the broker that is chosen, else that of the gateway.
import { Fault } from '../../src/kernel/fault.ts';
import { type Endpoint, stockEndpoint } from '../../src/mqtt/stock-broker.ts';

/** `stock`: the stock config node that is chosen. Throws a Fault FIELDLINE_SETTING where there is none, and no gateway around. */
export function endpointOf(
  stock: Readonly<Record<string, unknown>> | undefined,
  { brokerUrl, mqttUrl }: Readonly<Record<string, unknown>>,
): Endpoint {
  if (stock !== undefined) return stockEndpoint(stock);
  const url = typeof brokerUrl === 'string' ? brokerUrl : mqttUrl;
  if (typeof url === 'string') return { url };
  throw new Fault('FIELDLINE_SETTING', 'no broker: choose one, set MQTT_URL, or run the gateway, which brings its own');
}
