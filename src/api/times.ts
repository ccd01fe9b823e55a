// Times as the database gives them to the API: as text, so that no digit of the device is lost.

/** ISO 8601 with Z and milliseconds, or microseconds where there are any, of a timestamptz. */
export function isoSql(column: string): string {
  const utc = `${column} AT TIME ZONE 'UTC'`;
  const whole = `date_trunc('milliseconds', ${column}) = ${column}`;
  return `to_char(${utc}, CASE WHEN ${whole} THEN 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)`;
}
