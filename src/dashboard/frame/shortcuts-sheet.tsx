import { Switch } from '@base-ui/react/switch';
import { useId } from 'react';
import { closeSheet } from '../address.ts';
import { useText } from '../i18n/index.ts';
import { setPreference, usePreferences } from '../preferences.ts';
import { Dialog } from '../ui/dialog.tsx';

function Keys({ title, keys }: { title: string; keys: [string, string][] }) {
  return (
    <section>
      <h3 className="sheet-title">{title}</h3>
      <dl className="keys">
        {keys.map(([key, text]) => (
          <div key={key}>
            <dt>{text}</dt>
            <dd>
              {key.split(' ').map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Every shortcut, and the switch that turns single keys off: speech input and some hands trigger them unasked. */
export function ShortcutsSheet() {
  const { shortcuts: t } = useText();
  const { singleKeys } = usePreferences();
  const id = useId();
  const submit = /Mac|iP(hone|ad)/.test(navigator.userAgent) ? '⌘ ↵' : 'Ctrl ↵';
  return (
    <Dialog title={t.title} onClose={closeSheet}>
      <Keys
        title={t.everywhere}
        keys={[
          ['?', t.help],
          ['/', t.search],
          ['a', t.now],
          ['v', t.vaults],
          ['n', t.create],
          ['j', t.next],
          ['k', t.previous],
          ['↵', t.open],
          ['Esc', t.escape],
        ]}
      />
      <Keys
        title={t.inVault}
        keys={[
          ['c', t.compose],
          ['e', t.edit],
          ['h', t.history],
          ['l', t.link],
          ['p', t.plain],
          ['g', t.newest],
          [submit, t.submit],
        ]}
      />
      <div className="switch-row">
        <span id={id}>{t.enabled}</span>
        <Switch.Root
          className="switch"
          aria-labelledby={id}
          checked={singleKeys}
          onCheckedChange={(checked) => setPreference('singleKeys', checked)}
        >
          <Switch.Thumb className="switch-thumb" />
        </Switch.Root>
      </div>
    </Dialog>
  );
}
