/** What is wrong with one field. */
export interface Finding {
  /** Where in the value or call, such as `items[].seq` or `answer 200: vault_id`; empty for the whole. */
  field: string;
  message: string;
}

/** Something that a check found. */
export interface Problem extends Finding {
  /** Method and path, such as `POST /api/vault`; or what else it is about. */
  call: string;
}

/** The same findings, seen from around. */
export const within = (place: string, findings: Finding[]): Finding[] =>
  findings.map(({ field, message }) => ({ field: field === '' ? place : `${place}: ${field}`, message }));

/** One line. */
export const formatProblem = ({ call, field, message }: Problem): string => `${call}: ${field}: ${message}`;

/** A value as a sentence shows it. */
export const show = (value: unknown): string =>
  value === undefined ? 'not there' : (JSON.stringify(value) ?? String(value));
