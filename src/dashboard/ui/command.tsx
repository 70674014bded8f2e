import { useText } from '../i18n/index.ts';
import { IconButton } from './button.tsx';
import { copyText } from './copy.ts';

/** A command for a terminal, with a button that copies it. */
export function Command({ children }: { children: string }) {
  const t = useText();
  return (
    <div className="command">
      <pre>
        <code>{children}</code>
      </pre>
      <IconButton icon="copy" label={t.copy} onClick={() => void copyText(children, t)} />
    </div>
  );
}
