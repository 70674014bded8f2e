import { useState } from 'react';
import { useText } from '../i18n/index.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { Icon } from '../ui/icons.tsx';
import { Foreign, Writer } from '../ui/names.tsx';
import { Time, useExactTime } from '../ui/time.tsx';
import { HistoryDialog } from '../vault/history-dialog.tsx';
import { useMeta, useWatch } from '../vault/queries.ts';
import { useVerdict } from './use-verdict.ts';

function ChainState({ vaultId }: { vaultId: string }) {
  const text = useText();
  const t = text.proof;
  const { verdict, head } = useVerdict(vaultId);
  const { seq, hash, brokenAt } = verdict;
  const done = head !== undefined && seq >= head;
  const look = brokenAt !== undefined ? 'bad' : done ? 'good' : 'busy';
  const say = () => {
    if (brokenAt !== undefined) return t.broken(brokenAt);
    if (!done) return t.verifying(seq, head ?? 0);
    return head === 0 ? t.empty : t.verified(seq);
  };
  return (
    <section className={`card chain ${look}`}>
      <span className="chain-mark">
        <Icon name={brokenAt === undefined ? 'shield' : 'warning'} size={24} />
      </span>
      <div className="chain-text">
        <h2 aria-live="polite">{say()}</h2>
        <p>{brokenAt === undefined ? t.explain : t.brokenText}</p>
        {done && head > 0 && (
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
export function Proof({ vaultId }: { vaultId: string }) {
  const { proof: t } = useText();
  const exact = useExactTime();
  const [summaries, setSummaries] = useState(false);
  const { data: meta } = useMeta(vaultId);
  useWatch(vaultId, true, () => undefined);
  return (
    <>
      <ChainState vaultId={vaultId} />
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
              <Writer name={meta.created_by} />
            </dd>
            <dt>{t.created}</dt>
            <dd>{exact(meta.created_at)}</dd>
            <dt>{t.changed}</dt>
            <dd>{exact(meta.changed_at)}</dd>
          </dl>
          <div>
            <Button icon="history" onClick={() => setSummaries(true)}>
              {t.summaryHistory}
            </Button>
          </div>
          <h3>{t.writers}</h3>
          <ul className="people">
            {meta.writers.map(({ client_id, writes, last_write_at }) => (
              <li key={client_id}>
                <Writer name={client_id} />
                <span className="faint">
                  {t.writes(writes)} · <Time at={last_write_at} />
                </span>
              </li>
            ))}
          </ul>
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
      {summaries && <HistoryDialog vaultId={vaultId} entryNo={0} onClose={() => setSummaries(false)} />}
    </>
  );
}
