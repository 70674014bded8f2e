import { useState } from 'react';
import { closeSheet, openSheet, useParameter } from '../address.ts';
import { type ApiError, codeOf } from '../api/client.ts';
import { hasSecrets } from '../api/problem.ts';
import { useWriteKey } from '../api/write-key.ts';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import { Button } from '../ui/button.tsx';
import { loadDraft, useDraft } from '../ui/draft.ts';
import { ProblemText } from '../ui/problem.tsx';
import { TextBox } from '../ui/text-box.tsx';
import { offerDraft } from '../ui/toast.tsx';
import { ConflictDialog } from './conflict-dialog.tsx';
import type { Row } from './rows.ts';
import { AllowSecret, SecretWarning } from './secret-warning.tsx';
import { useOverride } from './writes.ts';

interface EntryEditorProps {
  vaultId: string;
  /** The version that the person sees now. */
  row: Row;
  autoFocus: boolean;
  onDone: () => void;
}

/** What a person makes of an entry. */
export interface EntryDraft {
  text: string;
  /** The version that the person began with. */
  base: Row;
  /** What they made of both versions in a conflict with the version of this number. */
  merged?: { text: string; version: number };
}

/** The version that a write ran into, if that is why it was refused. */
function currentOf(error: ApiError, base: Row): Row | undefined {
  if (codeOf(error) !== 'CONFLICT') return undefined;
  const current = error.data?.current;
  return current && { ...base, ...current };
}

/** The in-place editor of an entry. Concurrent changes by others are merged, never lost. */
export function EntryEditor({ vaultId, row, autoFocus, onDone }: EntryEditorProps) {
  const t = useText();
  const place = `${vaultId}.e${row.entry_no}`;
  const [kept, setDraft] = useDraft<EntryDraft>(place);
  const draft = kept ?? { text: row.content, base: row };
  const [theirs, setTheirs] = useState<Row>();
  const sheet = `conflict-${row.entry_no}`;
  const isOpen = useParameter('sheet') === sheet;
  const { keyOf, renew } = useWriteKey(place);
  // Also when the answer comes after the entry was scrolled away: what is written is no draft any more.
  const { mutate, isPending, error, failureReason } = useOverride(vaultId, ({ text }) => {
    const latest = loadDraft<EntryDraft>(place);
    if (latest && latest.text !== text) return;
    close();
    if (isOpen) closeSheet();
  });
  const close = () => {
    renew();
    setDraft(undefined);
    onDone();
  };
  const discard = () => {
    if (kept) offerDraft(t.discarded, place, kept);
    close();
  };
  const save = ({ text, base }: Pick<EntryDraft, 'text' | 'base'>, allow_secret?: string) => {
    if (isPending || text.trim() === '') return;
    const onError = (refusal: Error) => {
      const current = currentOf(refusal as ApiError, base);
      setTheirs(current);
      if (current && !isOpen) openSheet(sheet);
    };
    mutate({ text, base, idempotency_key: keyOf([text, base.version]), allow_secret }, { onError });
  };
  return (
    <div className="editor">
      <TextBox
        label={t.vault.overrideLabel(labelOf(draft.base))}
        value={draft.text}
        readOnly={isPending}
        onChange={(text) => setDraft({ ...draft, text })}
        onSubmit={() => save(draft)}
        onEscape={discard}
        rows={4}
        autoFocus={autoFocus}
      />
      <ProblemText error={error ?? failureReason} />
      <SecretWarning text={draft.text} />
      {hasSecrets(error) && <AllowSecret onAllow={(reason) => save(draft, reason)} />}
      <div className="dialog-actions">
        <Button onClick={discard}>{t.cancel}</Button>
        <Button look="primary" disabled={isPending} onClick={() => save(draft)}>
          {isPending ? t.saving : t.save}
        </Button>
      </div>
      {theirs && isOpen && (
        <ConflictDialog
          key={theirs.version}
          draft={draft}
          theirs={theirs}
          busy={isPending}
          onMerge={(text) => setDraft({ ...draft, merged: { text, version: theirs.version } })}
          onSave={(text) => {
            setDraft({ text, base: theirs });
            save({ text, base: theirs });
          }}
          onKeepTheirs={() => {
            closeSheet();
            discard();
          }}
          onClose={closeSheet}
        />
      )}
    </div>
  );
}
