import { setParameter } from '../address.ts';
import { useText } from '../i18n/index.ts';
import { nameOf } from '../ui/author.tsx';
import { Button } from '../ui/button.tsx';
import type { ListFilter } from './queries.ts';

/** In the place of what a search or a filter would show. */
export function NothingFound({ q, author }: ListFilter) {
  const { vaults: t, author: names } = useText();
  const clear = () => {
    setParameter('q', '');
    setParameter('author', '');
  };
  return (
    <div className="card empty">
      <p>{q ? t.nothingFound(q) : t.nothingBy(nameOf(author, names))}</p>
      <Button onClick={clear}>{t.clearSearch}</Button>
    </div>
  );
}
