import { Dialog as Base } from '@base-ui/react/dialog';
import { type ReactNode, useRef } from 'react';
import { useText } from '../i18n/index.ts';
import { IconButton } from './button.tsx';

interface DialogProps {
  title: ReactNode;
  onClose: () => void;
  wide?: boolean;
  /** Buttons that stay in sight below what scrolls. */
  actions?: ReactNode;
  /** Makes a form of the sheet: its submit button is among the actions. */
  onSubmit?: () => void;
  children: ReactNode;
}

/** A modal sheet, open while rendered. Escape and the button close it, and focus stays inside. */
export function Dialog({ title, onClose, wide = false, actions, onSubmit, children }: DialogProps) {
  const t = useText();
  const popup = useRef<HTMLDivElement>(null);
  // Where there is something to fill in, that; else the sheet itself.
  const findFirst = () => popup.current?.querySelector<HTMLElement>('input, textarea') ?? popup.current;
  const parts = (
    <>
      <div className="dialog-body">{children}</div>
      {actions && <div className="dialog-actions">{actions}</div>}
    </>
  );
  return (
    <Base.Root open onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Viewport className="dialog-viewport">
          <Base.Popup ref={popup} initialFocus={findFirst} className={wide ? 'dialog wide' : 'dialog'}>
            <header className="dialog-head">
              <Base.Title className="dialog-title">{title}</Base.Title>
              <IconButton icon="close" label={t.close} onClick={onClose} />
            </header>
            {onSubmit ? (
              <form
                className="dialog-form"
                onSubmit={(event) => {
                  event.preventDefault();
                  onSubmit();
                }}
              >
                {parts}
              </form>
            ) : (
              parts
            )}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}
