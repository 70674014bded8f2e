import { Menu } from '@base-ui/react/menu';
import type { ReactNode } from 'react';
import { navigate, openSheet } from '../address.ts';
import { serverUrl } from '../api/connection.ts';
import { idOfKey } from '../api/credentials.ts';
import { useSession } from '../api/session.tsx';
import { LANGUAGES, type Language, useLanguage, useText } from '../i18n/index.ts';
import { type Preferences, setPreference, usePreferences } from '../preferences.ts';
import { countDrafts } from '../ui/draft.ts';
import { Icon } from '../ui/icons.tsx';
import { Foreign } from '../ui/names.tsx';

interface ChoiceProps {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}

/** A group of which one is chosen. */
function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <Menu.Group>
      <Menu.GroupLabel className="menu-label">{label}</Menu.GroupLabel>
      <Menu.RadioGroup value={value} onValueChange={onChange}>
        {options.map(([option, name]) => (
          <Menu.RadioItem key={option} value={option} className="menu-item">
            <Menu.RadioItemIndicator className="menu-check">
              <Icon name="check" size={16} />
            </Menu.RadioItemIndicator>
            {name}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
    </Menu.Group>
  );
}

const Item = ({ onClick, children }: { onClick: () => void; children: ReactNode }) => (
  <Menu.Item className="menu-item" onClick={onClick}>
    {children}
  </Menu.Item>
);

/** Appearance and language, for the menu and the sign-in form alike. */
export function Choices() {
  const t = useText();
  const { theme } = usePreferences();
  const themes: [Preferences['theme'], string][] = [
    ['system', t.menu.system],
    ['light', t.menu.light],
    ['dark', t.menu.dark],
  ];
  const languages = Object.entries(LANGUAGES).map(([language, { text }]): [string, string] => [
    language,
    text.language,
  ]);
  return (
    <>
      <Choice
        label={t.menu.theme}
        value={theme}
        options={themes}
        onChange={(value) => setPreference('theme', value as Preferences['theme'])}
      />
      <Menu.Separator className="menu-line" />
      <Choice
        label={t.menu.language}
        value={useLanguage()}
        options={languages}
        onChange={(value) => setPreference('language', value as Language)}
      />
    </>
  );
}

/** The button at the top, and what it opens. */
export function MenuButton({ children }: { children: ReactNode }) {
  const t = useText();
  return (
    <Menu.Root>
      <Menu.Trigger className="icon-button" aria-label={t.menu.label} title={t.menu.label}>
        <Icon name="menu" />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner align="end" sideOffset={6} className="menu-place">
          <Menu.Popup className="menu">{children}</Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

/** Who is signed in, by name and role. */
function Who() {
  const { menu: t } = useText();
  const { credentials, me, writesAs } = useSession();
  const name = credentials.kind === 'key' ? t.key(idOfKey(credentials.key)) : writesAs || t.operator;
  const role = me && (me.work_session_id === null ? t.roles.operator : t.roles.member(me.work_session_id));
  return (
    <p className="menu-who">
      <Foreign>{t.signedInAs(name)}</Foreign>
      {role !== undefined && (
        <span className="menu-role">
          <Foreign>{role}</Foreign>
        </span>
      )}
    </p>
  );
}

/** Everything that is wanted now and then. */
export function MainMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const t = useText();
  const { me, isOperator, signOut } = useSession();
  const leave = () => (countDrafts() > 0 ? openSheet('sign-out') : signOut());
  return (
    <MenuButton>
      <Who />
      {me && <Item onClick={() => openSheet('name')}>{t.name.change}</Item>}
      <Menu.Separator className="menu-line" />
      <Choices />
      <Menu.Separator className="menu-line" />
      {me && <Item onClick={() => navigate('/access')}>{t.menu.access}</Item>}
      {isOperator && <Item onClick={() => navigate('/server')}>{t.menu.status}</Item>}
      <Item onClick={onShortcuts}>
        {t.menu.shortcuts}
        <kbd>?</kbd>
      </Item>
      <Item onClick={() => window.open(serverUrl('docs'), '_blank', 'noopener')}>{t.menu.api}</Item>
      <Menu.Separator className="menu-line" />
      <Item onClick={leave}>{t.menu.signOut}</Item>
      {me && <Item onClick={() => openSheet('sign-out-everywhere')}>{t.menu.signOutEverywhere}</Item>}
    </MenuButton>
  );
}
