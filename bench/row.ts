import type { Bench } from './compare.ts';

export interface Measurement {
  value: number;
  /** Explains the value to a reader. */
  note: string;
}

/** One figure of the bench. */
export interface Row {
  key: string;
  unit: 'ratio' | 'ms' | 's' | 'KB' | 'MB';
  what: string;
  /** Absent for figures without a mark. */
  must?: { atLeast: number } | { atMost: number };
  measure(bench: Bench): Promise<Measurement>;
}

export interface Result extends Measurement {
  row: Row;
  ok: boolean;
}

/** Whether a value reaches its row's mark. */
export const reaches = ({ must }: Row, value: number): boolean =>
  must === undefined || ('atLeast' in must ? value >= must.atLeast : value <= must.atMost);
