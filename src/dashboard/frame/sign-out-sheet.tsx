import { closeSheet, navigate } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { countDrafts } from '../ui/draft.ts';

/** Asks before signing out forgets what a person has typed and not saved. */
export function SignOutSheet() {
  const t = useText();
  const { signOut } = useSession();
  const leave = () => {
    navigate('/', { replace: true });
    signOut();
  };
  return (
    <Dialog
      title={t.menu.signOut}
      onClose={closeSheet}
      actions={
        <>
          <Button onClick={closeSheet}>{t.cancel}</Button>
          <Button look="primary" onClick={leave}>
            {t.menu.signOut}
          </Button>
        </>
      }
    >
      <p>{t.menu.drafts(countDrafts())}</p>
    </Dialog>
  );
}
