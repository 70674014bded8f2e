import { type FormEvent, useEffect, useRef, useState } from 'react';
import { type ApiError, codeOf } from '../api/client.ts';
import { useWriteKey } from '../api/write-key.ts';
import { useText } from '../i18n/index.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { loadDraft, useDraft } from '../ui/draft.ts';
import { Foreign } from '../ui/names.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { offerDraft } from '../ui/toast.tsx';
import { useSetSummary } from './writes.ts';

interface SummaryProps {
  vaultId: string;
  summary: string;
  version: number;
  /** Whether the person may change it. */
  writable: boolean;
}

interface EditorProps extends SummaryProps {
  onDone: () => void;
}

/** What a person makes of the summary. */
interface SummaryDraft {
  text: string;
  /** The version on the page; after a conflict, the current version. */
  seen: { version: number; summary: string };
}

const placeOf = (vaultId: string): string => `${vaultId}.summary`;

function SummaryEditor({ vaultId, summary, version, onDone }: EditorProps) {
  const t = useText();
  const place = placeOf(vaultId);
  const [kept, setDraft] = useDraft<SummaryDraft>(place);
  const draft = kept ?? { text: summary, seen: { version, summary } };
  const { keyOf, renew } = useWriteKey(place);
  const close = () => {
    renew();
    setDraft(undefined);
    onDone();
  };
  const discard = () => {
    if (kept) offerDraft(t.discarded, place, kept);
    close();
  };
  const { mutate, isPending, error, failureReason } = useSetSummary(vaultId, ({ text }) => {
    const latest = loadDraft<SummaryDraft>(place);
    if (!latest || latest.text === text) close();
  });
  const conflict = codeOf(error) === 'CONFLICT';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { text, seen } = draft;
    mutate(
      { text, idempotency_key: keyOf([text, seen.version]), expected_summary_version: seen.version },
      {
        onError: (refusal) => {
          const current = (refusal as ApiError).data?.current;
          if (current) setDraft({ text, seen: { version: current.version, summary: current.content } });
        },
      },
    );
  };
  return (
    <form className="summary-form" onSubmit={submit}>
      <input
        className="input"
        aria-label={t.vault.summaryLabel}
        value={draft.text}
        readOnly={isPending}
        dir="auto"
        // biome-ignore lint/a11y/noAutofocus: it appears because the person asked to edit it
        autoFocus
        onChange={(event) => setDraft({ ...draft, text: event.target.value })}
        onKeyDown={(event) => event.key === 'Escape' && discard()}
      />
      <Button onClick={discard}>{t.cancel}</Button>
      <Button type="submit" look="primary" disabled={isPending}>
        {t.save}
      </Button>
      {conflict && (
        <p role="alert" className="problem">
          {t.vault.summaryConflict}
          <q>
            <Foreign>{draft.seen.summary}</Foreign>
          </q>
        </p>
      )}
      {!conflict && <ProblemText error={error ?? failureReason} />}
    </form>
  );
}

/** The vault's summary as the page title, edited in place. A draft keeps its editor open. */
export function Summary(props: SummaryProps) {
  const { vault: t } = useText();
  const [opened, setOpened] = useState(false);
  const [draft] = useDraft<SummaryDraft>(placeOf(props.vaultId));
  const button = useRef<HTMLButtonElement>(null);
  const editing = props.writable && (opened || draft !== undefined);
  const wasEditing = useRef(editing);
  useEffect(() => {
    if (wasEditing.current && !editing && document.activeElement === document.body) button.current?.focus();
    wasEditing.current = editing;
  }, [editing]);
  if (editing) return <SummaryEditor {...props} onDone={() => setOpened(false)} />;
  return (
    <div className="summary">
      <h1 className={props.summary ? '' : 'unnamed'}>
        <Foreign>{props.summary || t.untitled}</Foreign>
      </h1>
      {props.writable && (
        <IconButton ref={button} icon="pencil" label={t.editSummary} onClick={() => setOpened(true)} />
      )}
    </div>
  );
}
