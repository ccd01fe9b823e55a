// Problem details (RFC 9457): what was wrong with a request, and with which field of it.

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  field?: string;
  /** Seconds, as Retry-After says them. */
  retry_after?: number;
};

/** `detail` names the place, what was expected and what came; `field` the member of the request at fault. */
export function problem(status: number, title: string, detail: string, field?: string): Problem {
  return { type: 'about:blank', title, status, detail, ...(field === undefined ? {} : { field }) };
}

export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'detail' in value && 'status' in value && 'title' in value;
}
