/** Most rows of one portion. */
export const PORTION_ROWS = 1000;
/** Most bytes of JSON of one portion, unless its first row alone is larger. */
export const PORTION_BYTES = 1_048_576;

export interface PortionSql {
  /** A query for the candidate rows. */
  rows: string;
  /** The condition on a candidate row `e`. */
  where: string;
  /** Columns that order the rows. */
  order: string;
  /** The row as JSON text. */
  json: string;
  /** Bytes that PostgreSQL reads to make the row's JSON, from a function that does not read them. */
  weight: string;
  /** The most weight of a portion. */
  maxWeight: string;
  /** The most rows of a portion. */
  maxRows: string;
  /** The most bytes of JSON of a portion. */
  maxBytes: string;
  /** Whether the answer has rows already. If so, the first row may be left to the next answer. */
  begun: string;
  /** More columns, over the rows `e`: `fits` is true for rows in the portion, `place` is the row's place from 1. */
  columns: string;
}

/**
 * Makes a query for one row: the first rows of a query as one JSON text. Rows and bytes are limited, so that neither
 * PostgreSQL nor the server ever holds more. The columns are `json` (rows with commas between), `rows`, `bytes`, and
 * `more`: whether another row follows. The weight is limited first, because `octet_length` does not read a long text,
 * but its JSON does. `OFFSET 0` prevents PostgreSQL from making the JSON of each row three times.
 * @param measures whether to leave out `json`, because only its length is needed
 */
export const portion = (p: PortionSql, measures: boolean) => `
  SELECT ${measures ? "''" : "coalesce(string_agg(json, ',' ORDER BY place) FILTER (WHERE fits), '')"} AS json,
    count(*) FILTER (WHERE fits)::int AS rows, coalesce(sum(octet_length(json) + 1) FILTER (WHERE fits), 0)::float8 AS bytes,
    count(*) FILTER (WHERE NOT fits) > 0 AS more, ${p.columns}
  FROM (
    SELECT e.*, json IS NOT NULL AND (place = 1 AND NOT ${p.begun}
      OR sum(octet_length(json) + 1) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) <= ${p.maxBytes}) AS fits
    FROM (
      SELECT e.*, CASE WHEN place <= ${p.maxRows} AND (place = 1 AND NOT ${p.begun} OR weight <= ${p.maxWeight})
        THEN ${p.json} END AS json
      FROM (
        SELECT e.*, row_number() OVER in_order AS place, sum(${p.weight}) OVER in_order AS weight
        FROM (${p.rows}) AS e WHERE ${p.where}
        WINDOW in_order AS (ORDER BY ${p.order} ROWS UNBOUNDED PRECEDING)
        ORDER BY ${p.order} LIMIT ${p.maxRows} + 1
      ) AS e OFFSET 0
    ) AS e
  ) AS e`;
