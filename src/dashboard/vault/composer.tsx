import { useRef } from 'react';
import { hasSecrets } from '../api/problem.ts';
import { useWriteKey } from '../api/write-key.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { loadDraft, useDraft } from '../ui/draft.ts';
import { ProblemText } from '../ui/problem.tsx';
import { TextBox } from '../ui/text-box.tsx';
import { AllowSecret, SecretWarning } from './secret-warning.tsx';
import { useAppend } from './writes.ts';

/** The editor for a new entry. Keeps the draft until the entry is written. */
export function Composer({ vaultId, onWritten }: { vaultId: string; onWritten: (entryNo: number) => void }) {
  const { vault: t } = useText();
  const box = useRef<HTMLTextAreaElement>(null);
  const place = `${vaultId}.new`;
  const [draft = '', setDraft] = useDraft<string>(place);
  const { keyOf, renew } = useWriteKey(place);
  // Also when the answer comes after the page was left: what is written is no draft any more.
  const { mutate, isPending, error, failureReason } = useAppend(vaultId, ({ text }) => {
    renew();
    if (loadDraft(place) === text) setDraft(undefined);
  });
  const submit = (allow_secret?: string) => {
    if (draft.trim() === '' || isPending) return;
    mutate(
      { text: draft, idempotency_key: keyOf(draft), allow_secret },
      { onSuccess: ({ entry_no }) => onWritten(entry_no) },
    );
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <ProblemText error={error ?? failureReason} />
      <SecretWarning text={draft} />
      {hasSecrets(error) && <AllowSecret onAllow={submit} />}
      <div className="composer-row" data-compose>
        <TextBox
          ref={box}
          label={t.compose}
          placeholder={t.composePlaceholder}
          rows={1}
          value={draft}
          readOnly={isPending}
          onChange={(text) => setDraft(text === '' ? undefined : text)}
          onSubmit={() => submit()}
          onEscape={() => box.current?.blur()}
        />
        <Button type="submit" look="primary" disabled={isPending || draft.trim() === ''}>
          {isPending ? t.writing : t.write}
        </Button>
      </div>
    </form>
  );
}

/** Focuses the editor for a new entry. */
export const focusComposer = (): void =>
  document.querySelector<HTMLElement>('[data-compose] textarea')?.focus();
