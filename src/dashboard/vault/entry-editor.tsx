import { useState } from 'react';
import { type ApiError, codeOf } from '../api/client.ts';
import { useWriteKey } from '../api/write-key.ts';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import { Button } from '../ui/button.tsx';
import { useDraft } from '../ui/draft.ts';
import { TextBox } from '../ui/text-box.tsx';
import { ConflictDialog } from './conflict-dialog.tsx';
import { useOverride } from './queries.ts';
import type { Row } from './rows.ts';

interface EntryEditorProps {
  vaultId: string;
  /** The version that the person sees now. */
  row: Row;
  onDone: () => void;
}

interface Draft {
  text: string;
  /** The version that the person began with. */
  base: Row;
}

/** The version that a write ran into, if that is why it was refused. */
function currentOf(error: ApiError, base: Row): Row | undefined {
  if (codeOf(error) !== 'CONFLICT') return undefined;
  const current = error.data?.current;
  return current && { ...base, ...current };
}

/** An entry while it is edited, in place. What somebody else writes meanwhile is merged, never lost. */
export function EntryEditor({ vaultId, row, onDone }: EntryEditorProps) {
  const t = useText();
  const place = `${vaultId}.e${row.entry_no}`;
  const [draft = { text: row.content, base: row }, setDraft] = useDraft<Draft>(place);
  const [theirs, setTheirs] = useState<Row>();
  const { keyOf, renew } = useWriteKey(place);
  const close = () => {
    renew();
    setDraft(undefined);
    onDone();
  };
  // Also when the answer comes after the entry was scrolled away: what is written is no draft any more.
  const { mutate, isPending, error, reset } = useOverride(vaultId, close);
  const save = (text: string, base: Row) => {
    if (isPending || text.trim() === '') return;
    mutate(
      { text, base, idempotency_key: keyOf([text, base.version]) },
      {
        onError: (refusal) => setTheirs(currentOf(refusal as ApiError, base)),
      },
    );
  };
  return (
    <div className="editor">
      <TextBox
        label={t.vault.overrideLabel(labelOf(draft.base))}
        value={draft.text}
        onChange={(text) => setDraft({ ...draft, text })}
        onSubmit={() => save(draft.text, draft.base)}
        onEscape={close}
        rows={4}
        autoFocus
      />
      <p role="alert" className="problem">
        {!theirs && error?.message}
      </p>
      <div className="dialog-actions">
        <Button onClick={close}>{t.cancel}</Button>
        <Button look="primary" disabled={isPending} onClick={() => save(draft.text, draft.base)}>
          {isPending ? t.saving : t.save}
        </Button>
      </div>
      {theirs && (
        <ConflictDialog
          key={theirs.version}
          sides={{ base: draft.base.content, mine: draft.text, theirs }}
          busy={isPending}
          onSave={(text) => {
            setDraft({ text, base: theirs });
            save(text, theirs);
          }}
          onKeepTheirs={close}
          onClose={() => {
            reset();
            setTheirs(undefined);
          }}
        />
      )}
    </div>
  );
}
