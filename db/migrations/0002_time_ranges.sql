-- Time series cut by time: hypertables on TimescaleDB, monthly range partitions on plain PostgreSQL.
--
-- Plain PostgreSQL keeps a DEFAULT partition. Without one a row of another writer outside the prepared months (an import,
-- a wrong clock) would be refused. Its known drawback, that a month cannot be attached while the default holds rows of it,
-- is met by prepare_month: it moves those rows along. The default stays empty in practice: Fieldline's own writers prepare
-- the months of a batch before they write it, and prepare_months keeps ahead of the calendar.

-- variant: timescale
SELECT create_hypertable('measurements', 'timestamp', chunk_time_interval => interval '7 days', create_default_indexes => false);
SELECT create_hypertable('sensor_readings', 'timestamp', chunk_time_interval => interval '1 day', create_default_indexes => false);
SELECT create_hypertable('energy_readings', 'timestamp', chunk_time_interval => interval '7 days', create_default_indexes => false);
SELECT create_hypertable('flow_data', 'created_at', chunk_time_interval => interval '7 days', create_default_indexes => false);
SELECT create_hypertable('raw_advertisements', 'timestamp', chunk_time_interval => interval '1 day', create_default_indexes => false);

CREATE FUNCTION prepare_month(series text, month timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS 'SELECT false';
COMMENT ON FUNCTION prepare_month IS 'Nothing to do: TimescaleDB makes its chunks by itself.';

CREATE FUNCTION prepare_months() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';

-- variant: plain
DO $$
DECLARE
  series text;
  column_name text;
BEGIN
  FOR series, column_name IN VALUES
    ('measurements', 'timestamp'), ('sensor_readings', 'timestamp'), ('energy_readings', 'timestamp'),
    ('flow_data', 'created_at'), ('raw_advertisements', 'timestamp')
  LOOP
    EXECUTE format('ALTER TABLE %I RENAME TO %I', series, series || '_columns');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (%I)', series, series || '_columns', column_name);
    EXECUTE format('DROP TABLE %I', series || '_columns');
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', series || '_default', series);
  END LOOP;
END $$;

-- Runs with the rights of its caller, on five known tables only. Months are those of UTC, whatever the session's zone.
-- The partition is filled before it is attached, so that readers and writers of other months wait for nothing but the
-- look into the default partition. Two callers at once: the advisory lock lets the second find it made.
CREATE FUNCTION prepare_month(series text, month timestamptz) RETURNS boolean
LANGUAGE plpgsql SET timezone = 'UTC' SET search_path FROM CURRENT AS $$
DECLARE
  first timestamptz := date_trunc('month', month);
  next timestamptz := first + interval '1 month';
  column_name text := CASE series WHEN 'flow_data' THEN 'created_at' ELSE 'timestamp' END;
  partition text := series || to_char(first, '"_"YYYYMM');
  strays bigint;
BEGIN
  IF series NOT IN ('measurements', 'sensor_readings', 'energy_readings', 'flow_data', 'raw_advertisements') THEN
    RAISE EXCEPTION 'prepare_month: expected a time series, got %', series USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Wrong clocks must not make partitions without end: what is older than any of this kind stays in the default.
  IF first < '2015-01-01' OR to_regclass(format('%I', partition)) IS NOT NULL THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('fieldline prepare_month'), hashtext(series));
  -- Read from the table: name look-ups such as to_regclass may remember their answer from before the wait.
  IF EXISTS (SELECT FROM pg_class WHERE relname = partition AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = series::regclass)) THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, series);
  EXECUTE format('SELECT count(*) FROM %I WHERE %I >= $1 AND %2$I < $2', series || '_default', column_name)
    INTO strays USING first, next;
  IF strays > 0 THEN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', series || '_default');
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= $1 AND %2$I < $2 RETURNING *) INSERT INTO %I SELECT * FROM moved',
      series || '_default', column_name, partition) USING first, next;
  END IF;
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', series, partition, first, next);
  RETURN true;
END $$;
COMMENT ON FUNCTION prepare_month IS 'Makes the partition of a time series for the month of a time; true when it was missing.';

-- The month before (late deliveries), this one and two ahead.
CREATE FUNCTION prepare_months() RETURNS int
LANGUAGE sql SET search_path FROM CURRENT AS $$
  SELECT count(*) FILTER (WHERE prepare_month(series, now() + ahead * interval '1 month'))::int
  FROM unnest(ARRAY['measurements', 'sensor_readings', 'energy_readings', 'flow_data', 'raw_advertisements']) AS series,
       generate_series(-1, 2) AS ahead
$$;

SELECT prepare_months();

-- variant: all
-- Identity, and the way to a device's history.
CREATE UNIQUE INDEX measurements_identity ON measurements (device_id, timestamp, digest);
CREATE UNIQUE INDEX sensor_readings_identity ON sensor_readings (device_id, metric, timestamp, digest);
CREATE UNIQUE INDEX energy_readings_identity ON energy_readings (device_id, timestamp, digest);
CREATE UNIQUE INDEX flow_data_identity ON flow_data (device_id, created_at, digest);
CREATE UNIQUE INDEX raw_advertisements_identity ON raw_advertisements (scanner_id, timestamp, digest);

-- Time alone: block ranges cost next to nothing on tables that grow at the end.
CREATE INDEX measurements_time ON measurements USING brin (timestamp);
CREATE INDEX sensor_readings_time ON sensor_readings USING brin (timestamp);
CREATE INDEX energy_readings_time ON energy_readings USING brin (timestamp);
CREATE INDEX flow_data_time ON flow_data USING brin (created_at);
CREATE INDEX raw_advertisements_time ON raw_advertisements (timestamp, id);

CREATE INDEX measurements_session ON measurements (session_id, timestamp) WHERE session_id IS NOT NULL;
CREATE INDEX measurements_anomalies ON measurements (timestamp) WHERE anomaly_score < 0;
CREATE INDEX sensor_readings_anomalies ON sensor_readings (timestamp) WHERE anomaly_score < 0;
CREATE INDEX energy_readings_anomalies ON energy_readings (timestamp) WHERE anomaly_score < 0;
CREATE INDEX flow_data_anomalies ON flow_data (created_at) WHERE anomaly_score < 0;
CREATE INDEX idx_flow_data_device_time_rate ON flow_data (device_id, created_at DESC, flow_rate);

-- The document asks for a partial index on NOW(), which no index can have. A block range index, because last_seen changes
-- with every batch: a B-tree would have to follow each change, this one lets the update stay within its page (16 and newer).
CREATE INDEX idx_devices_online ON devices USING brin (last_seen);
CREATE INDEX devices_status ON devices (status);
