import { useMemo, useState } from 'react';
import { merge } from '../compute/texts.ts';
import { useComputed } from '../compute/use-computed.ts';
import { useDifference } from '../compute/use-difference.ts';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import { hasMarkers } from '../text/merge.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Difference } from '../ui/difference.tsx';
import { Foreign, Writer } from '../ui/names.tsx';
import { TextBox } from '../ui/text-box.tsx';
import type { Row } from './rows.ts';

interface Sides {
  /** The text that both came from. */
  base: string;
  mine: string;
  theirs: Row;
}

interface ConflictDialogProps {
  sides: Sides;
  busy: boolean;
  onSave: (text: string) => void;
  onKeepTheirs: () => void;
  onClose: () => void;
}

/** Both versions in one, undefined until they are merged. */
function useProposal({ base, mine, theirs: { content: theirs } }: Sides) {
  const compute = useMemo(
    () => (signal: AbortSignal) => merge({ base, mine, theirs }, signal),
    [base, mine, theirs],
  );
  return useComputed(compute);
}

/** Two people wrote at once: their texts side by side, and both of them merged, to be looked over and saved. */
export function ConflictDialog({ sides, busy, onSave, onKeepTheirs, onClose }: ConflictDialogProps) {
  const text = useText();
  const t = text.conflict;
  const { base, mine, theirs } = sides;
  const proposal = useProposal(sides);
  const theirChanges = useDifference(base, theirs.content);
  const myChanges = useDifference(base, mine);
  // What the person made of the proposal.
  const [typed, setTyped] = useState<string>();
  const merged = typed ?? proposal?.text;
  const open = merged === undefined || hasMarkers(merged);
  const label = labelOf(theirs);
  const save = () => !open && onSave(merged);
  return (
    <Dialog title={t.title(`e${theirs.entry_no}`)} onClose={onClose} wide>
      <div className="dialog-body">
        <p>
          <Foreign>{t.text(theirs.writer_id, label)}</Foreign>
        </p>
        <div className="sides">
          <section>
            <h3 className="side-title">
              {t.theirs(label)} <Writer name={theirs.writer_id} />
            </h3>
            <Difference found={theirChanges} after={theirs.content} />
          </section>
          <section>
            <h3 className="side-title">{t.yours}</h3>
            <Difference found={myChanges} after={mine} />
          </section>
        </div>
        <div className="merge">
          <div className="merge-head">
            <h3 className="side-title">{t.merged}</h3>
            <Button look="quiet" onClick={() => setTyped(mine)}>
              {t.useMine}
            </Button>
          </div>
          <TextBox
            label={t.merged}
            value={merged ?? ''}
            placeholder={merged === undefined ? t.merging : ''}
            readOnly={merged === undefined}
            onChange={setTyped}
            onSubmit={save}
            rows={6}
            autoFocus
          />
          <p role="status" className="warning">
            {merged !== undefined && open && (proposal?.by === 'nothing' ? t.tooLarge : t.clash)}
          </p>
        </div>
        <div className="dialog-actions">
          <Button onClick={onKeepTheirs}>{t.useTheirs}</Button>
          <Button look="primary" disabled={busy || open} onClick={save}>
            {t.save}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
