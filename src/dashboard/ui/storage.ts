/** Storage of a tab. Falls back to memory, until the next reload, if the browser blocks storage. */
export interface Keeping {
  get(key: string): unknown;
  /** Keeps a value; undefined forgets it. */
  set(key: string, value: unknown): void;
  keys(): string[];
}

/** @param open gives the browser's storage, and throws where it is blocked */
function makeKeeping(open: () => Storage): Keeping {
  const memory = new Map<string, string>();
  /** Does something with the browser's storage, if there is one and it has room. */
  const attempt = <T>(work: (storage: Storage) => T): T | undefined => {
    try {
      return work(open());
    } catch {
      return undefined; // blocked or full; the memory of the tab keeps the value
    }
  };
  const forget = (key: string) => {
    memory.delete(key);
    attempt((storage) => storage.removeItem(key));
  };
  const keep = (key: string, text: string) => {
    const kept = attempt((storage) => {
      storage.setItem(key, text);
      return true;
    });
    if (kept) memory.delete(key);
    else memory.set(key, text);
  };
  return {
    get: (key) => {
      const text = memory.get(key) ?? attempt((storage) => storage.getItem(key)) ?? 'null';
      try {
        return JSON.parse(text) ?? undefined;
      } catch {
        return undefined; // written by something else under this name
      }
    },
    set: (key, value) => (value === undefined ? forget(key) : keep(key, JSON.stringify(value))),
    keys: () => [...new Set([...memory.keys(), ...(attempt((storage) => Object.keys(storage)) ?? [])])],
  };
}

/** Kept until the tab is closed. */
export const tabStorage = makeKeeping(() => sessionStorage);

/** Kept for the next visit. */
export const browserStorage = makeKeeping(() => localStorage);
