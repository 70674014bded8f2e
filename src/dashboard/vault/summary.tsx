import { type FormEvent, useState } from 'react';
import { type ApiError, codeOf } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { useWriteKey } from '../api/write-key.ts';
import { useText } from '../i18n/index.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { Foreign } from '../ui/names.tsx';
import { useSetSummary } from './queries.ts';

interface SummaryProps {
  vaultId: string;
  summary: string;
  version: number;
}

interface EditorProps extends SummaryProps {
  onDone: () => void;
}

function SummaryEditor({ vaultId, summary, version, onDone }: EditorProps) {
  const t = useText();
  const [text, setText] = useState(summary);
  // The version that the person saw; after a conflict, the one that they were told of.
  const [seen, setSeen] = useState({ version, summary });
  const { mutate, isPending, error } = useSetSummary(vaultId);
  const { keyOf, renew } = useWriteKey(`${vaultId}.summary`);
  const conflict = codeOf(error) === 'CONFLICT';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { version: expected } = seen;
    mutate(
      {
        text,
        idempotency_key: keyOf([text, expected]),
        expected_summary_version: expected,
      },
      {
        onSuccess: () => {
          renew();
          onDone();
        },
        onError: (refusal) => {
          const current = (refusal as ApiError).data?.current;
          if (current) setSeen({ version: current.version, summary: current.content });
        },
      },
    );
  };
  return (
    <form className="summary-form" onSubmit={submit}>
      <input
        className="input"
        aria-label={t.vault.summaryLabel}
        value={text}
        dir="auto"
        // biome-ignore lint/a11y/noAutofocus: it appears because the person asked to edit it
        autoFocus
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && onDone()}
      />
      <Button onClick={onDone}>{t.cancel}</Button>
      <Button type="submit" look="primary" disabled={isPending}>
        {t.save}
      </Button>
      <p role="alert" className="problem">
        {conflict ? t.vault.summaryConflict : error?.message}
        {conflict && (
          <q>
            <Foreign>{seen.summary}</Foreign>
          </q>
        )}
      </p>
    </form>
  );
}

/** What the vault is for, as the page's title, edited in place. */
export function Summary(props: SummaryProps) {
  const { vault: t } = useText();
  const { readOnly } = useSession();
  const [editing, setEditing] = useState(false);
  if (editing) return <SummaryEditor {...props} onDone={() => setEditing(false)} />;
  return (
    <div className="summary">
      <h1 className={props.summary ? '' : 'unnamed'}>
        <Foreign>{props.summary || t.untitled}</Foreign>
      </h1>
      {!readOnly && <IconButton icon="pencil" label={t.editSummary} onClick={() => setEditing(true)} />}
    </div>
  );
}
