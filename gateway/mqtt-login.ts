// The login of MQTT clients: wrong passwords are braked for each client id, and for all ids together that nobody has seen.
import { boundedMap } from '../src/kernel/bounded.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import type { Login } from './login.ts';

const MINUTE_MS = 60_000;
/**
 * Wrong passwords a minute from ids that never had the right one. An id is whatever a client says, so that a brake on each
 * alone would let somebody guess with ever new ones. By address a whole site would wait for one device with an old password.
 */
export const WRONG_A_MINUTE = 600;
const KNOWN = 100_000;

/** True for the right login. Once too many strangers were wrong, those that are known still get in, others in the next minute. */
export function mqttLogin(
  login: Pick<Login, 'check'>,
  clock: Clock = systemClock,
): (user: string, password: string, clientId: string) => boolean {
  const known = boundedMap<string, true>(KNOWN);
  let minute = clock.steady();
  let wrong = 0;
  return (user, password, clientId) => {
    const isKnown = known.get(clientId) === true;
    if (clock.steady() - minute >= MINUTE_MS) {
      minute = clock.steady();
      wrong = 0;
    }
    if (!isKnown && wrong >= WRONG_A_MINUTE) return false;
    const verdict = login.check(`mqtt ${clientId}`, user, password);
    if (verdict === 'right') known.set(clientId, true);
    else if (verdict === 'wrong' && !isKnown) wrong++;
    return verdict === 'right';
  };
}
