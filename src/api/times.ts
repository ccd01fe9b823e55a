// Times between the API and the database: text both ways, so that no digit of the device is lost.

/** ISO 8601 with Z and milliseconds, or microseconds where there are any, of a timestamptz. */
export function isoSql(column: string): string {
  const utc = `${column} AT TIME ZONE 'UTC'`;
  const whole = `date_trunc('milliseconds', ${column}) = ${column}`;
  return `to_char(${utc}, CASE WHEN ${whole} THEN 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)`;
}

/** As PostgreSQL takes it; undefined stays undefined. */
export function timeOut(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
