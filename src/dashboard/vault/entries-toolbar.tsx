import { Toggle } from '@base-ui/react/toggle';
import { ToggleGroup } from '@base-ui/react/toggle-group';
import { setParameter } from '../address.ts';
import { useText } from '../i18n/index.ts';
import { setPreference, usePreferences } from '../preferences.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { SearchBox } from '../ui/search-box.tsx';
import { asText, type Row } from './rows.ts';

interface EntriesToolbarProps {
  entries: readonly Row[];
  filter: string;
  onNewest: () => void;
}

/** Actions on all entries. */
export function EntriesToolbar({ entries, filter, onNewest }: EntriesToolbarProps) {
  const t = useText();
  const { plainText } = usePreferences();
  return (
    <div className="toolbar">
      <SearchBox label={t.vault.filter} value={filter} onChange={(text) => setParameter('filter', text)} />
      <ToggleGroup
        className="segments"
        value={[plainText ? 'plain' : 'markdown']}
        onValueChange={([choice]) => choice !== undefined && setPreference('plainText', choice === 'plain')}
      >
        <Toggle value="markdown" className="segment">
          {t.vault.markdown}
        </Toggle>
        <Toggle value="plain" className="segment">
          {t.vault.plain}
        </Toggle>
      </ToggleGroup>
      <IconButton icon="copy" label={t.vault.copyAll} onClick={() => void copyText(asText(entries), t)} />
      <Button look="quiet" icon="down" onClick={onNewest}>
        {t.vault.newest}
      </Button>
    </div>
  );
}
