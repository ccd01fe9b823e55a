-- What another writer stored beyond ±1e100 is no measurement either: avg and sum over it end in an error, for all devices.
CREATE OR REPLACE FUNCTION finite(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN value BETWEEN -1e100 AND 1e100 THEN value END
$$;
