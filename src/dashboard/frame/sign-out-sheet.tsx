import { closeSheet, navigate } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { countDrafts } from '../ui/draft.ts';

/** Asks before signing out forgets what a person has typed and not saved, or ends sessions in other browsers. */
export function SignOutSheet({ everywhere }: { everywhere: boolean }) {
  const t = useText();
  const { signOut } = useSession();
  const leave = () => {
    navigate('/', { replace: true });
    signOut(everywhere);
  };
  const title = everywhere ? t.menu.signOutEverywhere : t.menu.signOut;
  const drafts = countDrafts();
  return (
    <Dialog
      title={title}
      onClose={closeSheet}
      actions={
        <>
          <Button onClick={closeSheet}>{t.cancel}</Button>
          <Button look="primary" onClick={leave}>
            {title}
          </Button>
        </>
      }
    >
      {everywhere && <p>{t.menu.signOutEverywhereText}</p>}
      {drafts > 0 && <p>{t.menu.drafts(drafts)}</p>}
    </Dialog>
  );
}
