import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { announce } from '../ui/toast.tsx';
import { type Target, useRevoke } from './queries.ts';

/** Asks before a credential ends. */
export function RevokeDialog({ target, onClose }: { target: Target; onClose: () => void }) {
  const text = useText();
  const t = text.access;
  const { mutate, isPending, error, failureReason } = useRevoke();
  const revoke = () =>
    mutate(target, {
      onSuccess: () => {
        announce(t.revoked);
        onClose();
      },
    });
  return (
    <Dialog
      title={t.confirm(target.name)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{text.cancel}</Button>
          <Button look="danger" disabled={isPending} onClick={revoke}>
            {isPending ? t.revoking : t.revoke}
          </Button>
        </>
      }
    >
      <p>{t.confirmText}</p>
      {target.own && <p>{t.confirmYou}</p>}
      <ProblemText error={error ?? failureReason} />
    </Dialog>
  );
}
