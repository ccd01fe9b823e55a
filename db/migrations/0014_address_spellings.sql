-- Addresses of Bluetooth devices in every spelling that the decoders know: with dots, underscores, blanks or 0x they were
-- devices of their own to a replay's filter and to unknown_devices.

-- What a sender wrote as a name, as it is stored: without control characters, and without blanks around it.
CREATE FUNCTION device_name(written text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT regexp_replace(regexp_replace(written, '[\u0001-\u001f\u007f]', '', 'g'),
    '^[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+|[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+$',
    '', 'g')
$$;

CREATE FUNCTION is_mac(written text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT written ~* ('^((0x)?([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}'
    '|([0-9a-f]{2}[.]){5}[0-9a-f]{2}|([0-9a-f]{2}_){5}[0-9a-f]{2}|([0-9a-f]{2} ){5}[0-9a-f]{2}'
    '|([0-9a-f]{4}[.]){2}[0-9a-f]{4})$')
$$;

CREATE FUNCTION mac_of(written text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT upper(regexp_replace(right(translate(written, ':-._ ', ''), 12), '(..)(?=.)', '\1:', 'g'))
$$;

-- A Bluetooth address in any spelling as device_id writes it; other identifiers as they are, of the length they are kept in.
-- Not strict, though null gives null: so the planner takes it apart, which spares half of the time.
CREATE OR REPLACE FUNCTION device_address(address text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN address ~ '^([0-9A-F]{2}:){5}[0-9A-F]{2}$' THEN address
    WHEN is_mac(address) THEN mac_of(address)
    WHEN is_mac(device_name(address)) THEN mac_of(device_name(address))
    ELSE left(device_name(address), 64) END
$$;
