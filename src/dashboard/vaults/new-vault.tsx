import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { useWriteKey } from '../api/write-key.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { useCreateVault } from './queries.ts';

/** Asks what a new vault is for, makes it and goes there. */
export function NewVault({ onClose }: { onClose: () => void }) {
  const t = useText();
  const [, navigate] = useLocation();
  const [summary, setSummary] = useState('');
  const { mutate, isPending, error } = useCreateVault();
  const { keyOf, renew } = useWriteKey('new-vault');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    mutate(
      { summary, idempotency_key: keyOf(summary) },
      {
        onSuccess: ({ vault_id }) => {
          renew();
          onClose();
          navigate(`/v/${encodeURIComponent(vault_id)}`);
        },
      },
    );
  };
  return (
    <Dialog title={t.vaults.create} onClose={onClose}>
      <form className="dialog-body" onSubmit={submit}>
        <Field
          label={t.vaults.summary}
          placeholder={t.vaults.summaryPlaceholder}
          value={summary}
          onChange={(event) => setSummary(event.target.value)}
          dir="auto"
        />
        <p role="alert" className="problem">
          {error?.message}
        </p>
        <div className="dialog-actions">
          <Button onClick={onClose}>{t.cancel}</Button>
          <Button type="submit" look="primary" disabled={isPending}>
            {t.vaults.createSubmit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
