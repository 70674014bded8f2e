/** A problem with one field. */
export interface Finding {
  /** Place in the value or call, such as `items[].seq` or `answer 200: vault_id`; empty for the whole value. */
  field: string;
  message: string;
}

/** A finding and the call that it is about. */
export interface Problem extends Finding {
  /** Method and path, such as `POST /api/vault`, or another subject such as `document`. */
  call: string;
}

/** Prefixes the fields of findings with the place that contains them. */
export const within = (place: string, findings: Finding[]): Finding[] =>
  findings.map(({ field, message }) => ({ field: field === '' ? place : `${place}: ${field}`, message }));

/** Formats a problem as one line. */
export const formatProblem = ({ call, field, message }: Problem): string => `${call}: ${field}: ${message}`;

/** Formats a value for a sentence. */
export const show = (value: unknown): string =>
  value === undefined ? 'not there' : (JSON.stringify(value) ?? String(value));
