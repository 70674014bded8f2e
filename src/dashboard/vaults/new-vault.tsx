import { closeSheet, navigate } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { useWriteKey } from '../api/write-key.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useDraft } from '../ui/draft.ts';
import { Field } from '../ui/field.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { useCreateVault } from './create.ts';
import { useWorkSession, WorkSessionField } from './work-session-field.tsx';

const PLACE = 'new-vault';

/** Asks what a new vault is for, makes it and goes there. What was typed stays for the next time the sheet is opened. */
export function NewVault() {
  const t = useText();
  const [summary = '', setSummary] = useDraft<string>(PLACE);
  const { mutate, isPending, error, failureReason } = useCreateVault();
  const { keyOf, renew } = useWriteKey(PLACE);
  const { isOperator } = useSession();
  const choice = useWorkSession();
  const submit = () => {
    if (isPending) return;
    const workSession = isOperator ? choice.value.trim() : undefined;
    if (workSession === '') return;
    mutate(
      { summary, workSession, idempotency_key: keyOf([summary, workSession]) },
      {
        onSuccess: ({ vault_id }) => {
          renew();
          setSummary(undefined);
          navigate(`/v/${encodeURIComponent(vault_id)}`, { replace: true });
        },
      },
    );
  };
  return (
    <Dialog
      title={t.vaults.create}
      onClose={closeSheet}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={closeSheet}>{t.cancel}</Button>
          <Button type="submit" look="primary" disabled={isPending}>
            {t.vaults.createSubmit}
          </Button>
        </>
      }
    >
      <Field
        label={t.vaults.summary}
        placeholder={t.vaults.summaryPlaceholder}
        value={summary}
        onChange={(event) => setSummary(event.target.value || undefined)}
        dir="auto"
      />
      {isOperator && <WorkSessionField choice={choice} hint={t.workSession.hint} />}
      <ProblemText error={error ?? failureReason} />
    </Dialog>
  );
}
