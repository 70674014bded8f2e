import { Slider } from '@base-ui/react/slider';
import { useDeferredValue, useEffect, useMemo, useRef } from 'react';
import { setParameter, useParameter } from '../address.ts';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import { IconButton } from '../ui/button.tsx';
import { Feed, type FeedHandle } from '../ui/feed.tsx';
import { moveFocus } from '../ui/move-focus.ts';
import { Foreign } from '../ui/names.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { useExactTime } from '../ui/time.tsx';
import { useCover } from '../ui/use-cover.ts';
import { usePosition } from '../ui/use-position.ts';
import { EntryCard } from './entry-card.tsx';
import { useHistory, useWatch } from './queries.ts';
import { type Moment, type Row, viewAfter } from './rows.ts';

interface ScrubberProps {
  rows: Row[];
  count: number;
  onChange: (count: number) => void;
}

/** Leads through the changes of a vault, one step each. */
function Scrubber({ rows, count, onChange }: ScrubberProps) {
  const { timeline: t } = useText();
  const exact = useExactTime();
  const describe = (value: number) => {
    const row = rows[value - 1];
    return row ? `${t.step(value, rows.length)}, ${exact(row.created_at)}` : t.before;
  };
  return (
    <div className="scrubber">
      <IconButton icon="back" label={t.previous} disabled={count === 0} onClick={() => onChange(count - 1)} />
      <Slider.Root
        className="slider"
        value={count}
        min={0}
        max={rows.length}
        onValueChange={(value) => onChange(Number(value))}
      >
        <Slider.Control className="slider-control">
          <Slider.Track className="slider-track">
            <Slider.Indicator className="slider-indicator" />
            <Slider.Thumb
              className="slider-thumb"
              aria-label={t.label}
              getAriaValueText={(_formatted, value) => describe(value)}
            />
          </Slider.Track>
        </Slider.Control>
      </Slider.Root>
      <IconButton
        icon="forward"
        label={t.next}
        disabled={count === rows.length}
        onClick={() => onChange(count + 1)}
      />
    </div>
  );
}

function Caption({ moment, step }: { moment: Moment; step: string }) {
  const { timeline: t } = useText();
  const exact = useExactTime();
  const { changed } = moment;
  if (!changed) return <p className="moment">{t.before}</p>;
  const what =
    changed.kind === 'summary'
      ? t.summaryChanged(changed.writer_id)
      : t.changed(labelOf(changed), changed.writer_id);
  return (
    <p className="moment">
      <strong>{t.at(exact(changed.created_at))}</strong>
      <span className="faint">
        {step} · <Foreign>{what}</Foreign>
      </span>
    </p>
  );
}

/** How many rows there were at a moment. @param moment the `seq` of the last of them; empty: all */
function countAt(rows: readonly Row[], moment: string): number {
  if (!/^\d{1,16}$/.test(moment)) return rows.length;
  return rows.findLastIndex(({ seq }) => seq <= Number(moment)) + 1;
}

interface PastProps {
  rows: Row[];
  /** `seq` of the row that does not match the vault's chain. */
  forged: number | undefined;
}

/** The vault as it was after any of its changes; the address keeps which. */
function Past({ rows, forged }: PastProps) {
  const text = useText();
  const t = text.timeline;
  const card = useRef<HTMLDivElement>(null);
  const feed = useRef<FeedHandle>(null);
  const count = countAt(rows, useParameter('moment'));
  // The slider follows the hand; the entries follow when there is time.
  const shown = useDeferredValue(count);
  const moment = useMemo(() => viewAfter(rows, shown), [rows, shown]);
  const { changed } = moment;
  useCover(card, '--cover-top');
  const showChanged = () => {
    if (changed?.kind === 'content') feed.current?.show(String(changed.entry_no));
    else window.scrollTo(0, 0);
  };
  usePosition(feed, showChanged);
  const stepped = useRef(shown);
  useEffect(() => {
    if (stepped.current !== shown) showChanged();
    stepped.current = shown;
  });
  const goTo = (value: number) =>
    setParameter('moment', value === rows.length ? '' : String(rows[value - 1]?.seq ?? 0));
  return (
    <>
      <div ref={card} className="card timeline">
        <Scrubber rows={rows} count={count} onChange={goTo} />
        <Caption moment={moment} step={t.step(shown, rows.length)} />
      </div>
      {moment.summary && (
        <p className={changed?.kind === 'summary' ? 'past-summary marked' : 'past-summary'}>
          <Foreign>{moment.summary}</Foreign>
        </p>
      )}
      {moment.entries.length === 0 && <p className="faint none">{t.nothingYet}</p>}
      <Feed
        ref={feed}
        items={moment.entries}
        keyOf={(row) => row.entry_no}
        label={text.vault.entries}
        render={(row, index) => (
          <EntryCard
            row={row}
            place={{ index, size: moment.entries.length }}
            marked={row.seq === changed?.seq}
            forged={row.seq === forged}
          />
        )}
      />
    </>
  );
}

/** The past of a vault, once all of it is loaded. */
export function TimelineView({ vaultId, forged }: { vaultId: string; forged: number | undefined }) {
  const text = useText();
  const t = text.timeline;
  const { data, error, failureReason } = useHistory(vaultId);
  useWatch(vaultId, data !== undefined, () => undefined);
  useShortcuts({ j: () => moveFocus('.entry', 1), k: () => moveFocus('.entry', -1) });
  const problem = error ?? failureReason;
  if (!data && problem) return <ProblemText error={problem} />;
  if (!data || data.next !== null) return <p className="faint none">{text.loading}</p>;
  if (data.entries.length === 0) return <p className="faint none">{t.empty}</p>;
  return (
    <>
      {data.cut && <p className="warning">{t.cut(data.entries.length)}</p>}
      <Past rows={data.entries} forged={forged} />
    </>
  );
}
