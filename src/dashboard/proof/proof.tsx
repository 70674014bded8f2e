import { useState } from 'react';
import { useText } from '../i18n/index.ts';
import { Author } from '../ui/author.tsx';
import { Button, IconButton } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { Icon } from '../ui/icons.tsx';
import { Foreign, Writer } from '../ui/names.tsx';
import { Time, useExactTime } from '../ui/time.tsx';
import { openHistory } from '../vault/history-sheet.tsx';
import { useHistory, useMeta, useWatch } from '../vault/queries.ts';
import type { Verdict } from './use-verdict.ts';

/** Writers that are listed at first, and with each press of the button below them. */
const WRITERS = 200;

function ChainState({ verdict }: { verdict: Verdict }) {
  const text = useText();
  const t = text.proof;
  const { seq, hash, head, done } = verdict;
  const say = () => {
    if (!done) return t.verifying(seq, head ?? 0);
    return head === 0 ? t.empty : t.verified(seq);
  };
  return (
    <section className={`card chain ${done ? 'good' : 'busy'}`}>
      <span className="chain-mark">
        <Icon name="shield" size={24} />
      </span>
      <div className="chain-text">
        <h2 aria-live="polite">{say()}</h2>
        <p>{t.explain}</p>
        {done && seq > 0 && (
          <p className="hash">
            <span className="faint">{t.head}</span>
            <span className="mono">{hash}</span>
            <IconButton
              icon="copy"
              label={`${text.copy}: ${t.head}`}
              onClick={() => void copyText(hash, text)}
            />
          </p>
        )}
      </div>
    </section>
  );
}

/** How far the vault can be proved, and everything that is known about it. */
export function Proof({ vaultId, verdict }: { vaultId: string; verdict: Verdict }) {
  const text = useText();
  const t = text.proof;
  const exact = useExactTime();
  const { data: meta } = useMeta(vaultId);
  const [shownWriters, setShownWriters] = useState(WRITERS);
  // Its rows are verified too.
  useHistory(vaultId);
  useWatch(vaultId, true, () => undefined);
  return (
    <>
      {!verdict.misfit && <ChainState verdict={verdict} />}
      {meta && (
        <section className="card details">
          <h2>{t.details}</h2>
          <dl className="facts">
            <dt>{t.workSession}</dt>
            <dd>
              <Foreign>{meta.work_session_id}</Foreign>
            </dd>
            <dt>{t.createdBy}</dt>
            <dd>
              <Writer name={meta.created_by} /> <Author author={meta.author ?? undefined} />
            </dd>
            <dt>{t.created}</dt>
            <dd>{exact(meta.created_at)}</dd>
            <dt>{t.changed}</dt>
            <dd>{exact(meta.changed_at)}</dd>
          </dl>
          <div>
            <Button icon="history" onClick={() => openHistory(0)}>
              {t.summaryHistory}
            </Button>
          </div>
          <h3>{t.writers}</h3>
          <ul className="people">
            {meta.writers.slice(0, shownWriters).map(({ client_id, writes, last_write_at, authors }) => (
              <li key={client_id}>
                <span className="proven-writer">
                  <Writer name={client_id} />
                  {authors.length === 0 && <Author author={undefined} />}
                  {authors.map((author) => (
                    <Author key={author} author={author} />
                  ))}
                </span>
                <span className="faint">
                  {t.writes(writes)} · <Time at={last_write_at} />
                </span>
              </li>
            ))}
          </ul>
          {meta.writers.length > shownWriters && (
            <Button onClick={() => setShownWriters(shownWriters + WRITERS)}>
              {text.vaults.more(meta.writers.length - shownWriters)}
            </Button>
          )}
          <h3>{t.outside}</h3>
          {meta.outside_reads.length === 0 && <p className="faint">{t.outsideNone}</p>}
          <ul className="people">
            {meta.outside_reads.map(({ client_id, read_at }) => (
              <li key={`${client_id} ${read_at}`}>
                <Writer name={client_id} />
                <Time at={read_at} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
