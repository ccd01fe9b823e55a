-- Adverts of scanners with another topic prefix than bt-mqtt: they were no adverts to a replay, nor to unknown_devices, which the next migration makes anew.

-- Is it the message of a scanner: at bt-mqtt/raw, or with an advert at any `{prefix}/raw/` and the scanner's own id?
CREATE FUNCTION is_advert(topic text, payload jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT topic LIKE 'bt-mqtt/raw/%' OR topic = 'bt-mqtt/raw' OR topic LIKE '%/raw/%' AND coalesce(
    starts_with(reverse(topic), reverse('/raw/' || device_name(jsonb_path_query_first(payload, 'lax $[0].scanner_id') #>> '{}')))
    AND jsonb_path_exists(payload, 'lax $[0] ? (@.address.type() == "string"
      && (exists(@.rssi) || exists(@.manufacturer_data) || exists(@.service_data) || exists(@.service_uuids)))'), false)
$$;
