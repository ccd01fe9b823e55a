-- Adverts of scanners with another topic prefix than bt-mqtt: they were no adverts to unknown_devices and to a replay.

-- Is it the message of a scanner: at bt-mqtt/raw, or with an advert at any `{prefix}/raw/` and the scanner's own id?
CREATE FUNCTION is_advert(topic text, payload jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT topic LIKE 'bt-mqtt/raw/%' OR topic = 'bt-mqtt/raw' OR topic LIKE '%/raw/%' AND coalesce(
    starts_with(reverse(topic), reverse('/raw/' || device_name(jsonb_path_query_first(payload, 'lax $[0].scanner_id') #>> '{}')))
    AND jsonb_path_exists(payload, 'lax $[0] ? (@.address.type() == "string"
      && (exists(@.rssi) || exists(@.manufacturer_data) || exists(@.service_data) || exists(@.service_uuids)))'), false)
$$;

-- Adverts from `since` until before `until` that no decoder has made a device of, of at most the `newest` messages there;
-- null: of all. A message may hold several adverts.
CREATE OR REPLACE FUNCTION unknown_devices_between(since timestamptz, until timestamptz, newest bigint DEFAULT NULL) RETURNS TABLE (
  address text, adverts bigint, first_seen timestamptz, last_seen timestamptz, scanners text[], example jsonb, name text,
  company_ids text[], service_uuids text[])
LANGUAGE sql STABLE AS $$
  WITH heard AS MATERIALIZED (
    SELECT r.scanner_id, r.timestamp, advert, advert ->> 'address' AS spelled
    FROM (SELECT scanner_id, topic, timestamp, payload FROM raw_advertisements
      WHERE timestamp >= since AND timestamp < until ORDER BY timestamp DESC, id DESC LIMIT newest) AS r
    CROSS JOIN LATERAL jsonb_path_query(r.payload, 'lax $[*]') AS advert
    WHERE is_advert(r.topic, r.payload) AND jsonb_typeof(advert -> 'address') = 'string'
  ), unknown AS MATERIALIZED (
    -- Each spelling of an address once: to bring it into its one form takes longer than all else.
    SELECT spelled, device_address(spelled) AS address FROM (SELECT DISTINCT spelled FROM heard) AS every
    WHERE NOT EXISTS (SELECT FROM devices WHERE device_id = device_address(spelled))
  )
  SELECT u.address, count(*), min(h.timestamp), max(h.timestamp), array_agg(DISTINCT h.scanner_id),
    (array_agg(h.advert ORDER BY h.timestamp DESC))[1],
    (array_agg(h.advert ->> 'name' ORDER BY h.timestamp DESC) FILTER (WHERE h.advert ->> 'name' <> ''))[1],
    ARRAY(SELECT DISTINCT key FROM unnest(string_to_array(string_agg(DISTINCT c.companies, ' '), ' ')) AS key WHERE key <> '' ORDER BY key),
    ARRAY(SELECT DISTINCT key FROM unnest(string_to_array(string_agg(DISTINCT c.services, ' '), ' ')) AS key WHERE key <> '' ORDER BY key)
  FROM unknown u JOIN heard h USING (spelled) CROSS JOIN LATERAL (SELECT
    (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(
      CASE jsonb_typeof(h.advert -> 'manufacturer_data') WHEN 'object' THEN h.advert -> 'manufacturer_data' ELSE '{}' END) AS key) AS companies,
    (SELECT string_agg(key, ' ' ORDER BY key) FROM (
      SELECT jsonb_object_keys(CASE jsonb_typeof(h.advert -> 'service_data') WHEN 'object' THEN h.advert -> 'service_data' ELSE '{}' END) AS key
      UNION SELECT jsonb_array_elements_text(CASE jsonb_typeof(h.advert -> 'service_uuids') WHEN 'array' THEN h.advert -> 'service_uuids' ELSE '[]' END)
    ) AS service) AS services) AS c
  GROUP BY u.address
$$;
