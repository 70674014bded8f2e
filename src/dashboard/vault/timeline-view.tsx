import { Slider } from '@base-ui/react/slider';
import { useDeferredValue, useMemo, useState } from 'react';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import { IconButton } from '../ui/button.tsx';
import { Feed } from '../ui/feed.tsx';
import { Foreign } from '../ui/names.tsx';
import { useExactTime } from '../ui/time.tsx';
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

/** The vault as it was after any of its changes. */
export function TimelineView({ vaultId }: { vaultId: string }) {
  const text = useText();
  const t = text.timeline;
  const { data, error } = useHistory(vaultId);
  const [chosen, setChosen] = useState<number>();
  useWatch(vaultId, data !== undefined, () => undefined);
  const rows = data?.entries ?? [];
  const count = chosen ?? rows.length;
  // The slider follows the hand; the entries follow when there is time.
  const shown = useDeferredValue(count);
  const moment = useMemo(() => viewAfter(rows, shown), [rows, shown]);
  if (!data) return <p className="faint none">{error?.message ?? text.loading}</p>;
  if (rows.length === 0) return <p className="faint none">{t.empty}</p>;
  return (
    <>
      <div className="card timeline">
        <Scrubber
          rows={rows}
          count={count}
          onChange={(value) => setChosen(value === rows.length ? undefined : value)}
        />
        <Caption moment={moment} step={t.step(shown, rows.length)} />
      </div>
      {moment.summary && (
        <p className={moment.changed?.kind === 'summary' ? 'past-summary marked' : 'past-summary'}>
          <Foreign>{moment.summary}</Foreign>
        </p>
      )}
      {moment.entries.length === 0 && <p className="faint none">{t.nothingYet}</p>}
      <Feed
        items={moment.entries}
        keyOf={(row) => row.entry_no}
        label={text.vault.entries}
        render={(row, index) => (
          <EntryCard
            row={row}
            place={{ index, size: moment.entries.length }}
            marked={row.seq === moment.changed?.seq}
          />
        )}
      />
    </>
  );
}
