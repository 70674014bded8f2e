import { useMemo } from 'react';
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
import { offerUndo } from '../ui/toast.tsx';
import type { EntryDraft } from './entry-editor.tsx';
import type { Row } from './rows.ts';

interface ConflictDialogProps {
  draft: EntryDraft;
  theirs: Row;
  busy: boolean;
  /** The person changed what both versions are merged to. */
  onMerge: (text: string) => void;
  onSave: (text: string) => void;
  onKeepTheirs: () => void;
  onClose: () => void;
}

/** Both versions in one, undefined until they are merged. */
function useProposal(base: string, mine: string, theirs: string) {
  const compute = useMemo(
    () => (signal: AbortSignal) => merge({ base, mine, theirs }, signal),
    [base, mine, theirs],
  );
  return useComputed(compute);
}

/** Two people wrote at once: their texts side by side, and both of them merged, to be looked over and saved. */
export function ConflictDialog(props: ConflictDialogProps) {
  const { draft, theirs, busy, onMerge, onSave, onKeepTheirs, onClose } = props;
  const text = useText();
  const t = text.conflict;
  const [base, mine] = [draft.base.content, draft.text];
  const proposal = useProposal(base, mine, theirs.content);
  const theirChanges = useDifference(base, theirs.content);
  const myChanges = useDifference(base, mine);
  const typed = draft.merged?.version === theirs.version ? draft.merged.text : undefined;
  const merged = typed ?? proposal?.text;
  const open = merged === undefined || hasMarkers(merged);
  const label = labelOf(theirs);
  const save = () => !open && onSave(merged);
  const takeMine = () => {
    if (typed !== undefined && typed !== mine) offerUndo(text.discarded, () => onMerge(typed));
    onMerge(mine);
  };
  return (
    <Dialog
      title={t.title(`e${theirs.entry_no}`)}
      onClose={onClose}
      wide
      actions={
        <>
          <Button onClick={onKeepTheirs}>{t.useTheirs}</Button>
          <Button look="primary" disabled={busy || open} onClick={save}>
            {t.save}
          </Button>
        </>
      }
    >
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
          <Button look="quiet" onClick={takeMine}>
            {t.useMine}
          </Button>
        </div>
        <TextBox
          label={t.merged}
          value={merged ?? ''}
          placeholder={merged === undefined ? t.merging : ''}
          readOnly={merged === undefined || busy}
          onChange={onMerge}
          onSubmit={save}
          rows={6}
          autoFocus
        />
        <p role="status" className="warning">
          {merged !== undefined && open && (proposal?.by === 'nothing' ? t.tooLarge : t.clash)}
        </p>
      </div>
    </Dialog>
  );
}
