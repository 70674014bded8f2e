import { type ReactNode, useId } from 'react';
import { useText } from '../i18n/index.ts';
import { ProblemText } from '../ui/problem.tsx';
import { MAX_ROWS } from './queries.ts';

interface AccessSectionProps<Row> {
  title: string;
  /** Below the title. */
  text?: ReactNode;
  action?: ReactNode;
  query: { data?: { rows: Row[]; cut: boolean } | undefined; error: unknown; failureReason: unknown };
  render: (row: Row) => ReactNode;
}

/** One list of credentials. */
export function AccessSection<Row>({ title, text, action, query, render }: AccessSectionProps<Row>) {
  const { access: t } = useText();
  const id = useId();
  const { data, error, failureReason } = query;
  return (
    <section className="access-section" aria-labelledby={id}>
      <div className="access-head">
        <h2 id={id}>{title}</h2>
        {action}
      </div>
      {text}
      <ProblemText error={error ?? failureReason} />
      {!data && <div className="card access-skeleton" aria-busy="true" />}
      {data?.rows.length === 0 && <p className="faint">{t.none}</p>}
      {data && data.rows.length > 0 && <ul className="card access-list">{data.rows.map(render)}</ul>}
      {data?.cut && <p className="faint">{t.more(MAX_ROWS)}</p>}
    </section>
  );
}
