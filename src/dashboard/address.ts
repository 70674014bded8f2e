import { takeLinkCode } from './link-code.ts';
import { SharedState, useShared } from './shared-state.ts';

/**
 * What stands behind `#`: the page, and how it is looked at, as `#/v/<id>/timeline?moment=42`. The server never sees it.
 * A browser lets a page change its address a few times a second only, so changes that replace each other wait.
 */
const WRITE_MS = 250;

/** The parameters of a page's address, beside its path. */
export type Parameter =
  | 'q'
  | 'older'
  | 'author'
  | 'filter'
  | 'moment'
  | 'at'
  | 'sheet'
  | 'vault'
  | 'writer'
  | 'tag'
  | 'what'
  | 'session'
  | 'since';

interface Address {
  path: string;
  parameters: string;
}

interface NavigateOptions {
  replace?: boolean;
  /** Of the history entry. */
  state?: unknown;
}

/** Pages whose parameters are kept for navigating back. */
const MAX_REMEMBERED = 200;

function read(): Address {
  takeLinkCode();
  const [path = '', parameters = ''] = location.hash.replace(/^#?\/?/, '').split('?', 2);
  return { path: `/${path}`, parameters };
}

const format = ({ path, parameters }: Address): string => (parameters ? `${path}?${parameters}` : path);

/** An entry of a vault is a place on the vault's page. */
const pageOf = (path: string): string => path.replace(/^(\/v\/[^/]+)\/e\d.*$/, '$1');

/** The address of the page, and what is on its way to the address bar. */
class AddressBar {
  readonly address = new SharedState(read());
  /** Parameters of pages, for the way back to them. */
  readonly #remembered = new Map<string, string>();
  #lastWrite = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #goingBack = false;

  constructor() {
    history.scrollRestoration = 'manual';
    window.addEventListener('pagehide', () => this.write());
    window.addEventListener('popstate', () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#goingBack = false;
      this.change(read());
    });
    this.#remember(this.address.value);
  }

  change(address: Address): void {
    this.#remember(address);
    this.address.set(address);
  }

  /** Writes pending changes into the address bar. */
  write(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastWrite = performance.now();
    history.replaceState(history.state, '', `#${format(this.address.value)}`);
  }

  writeSoon(): void {
    const wait = Math.max(0, this.#lastWrite + WRITE_MS - performance.now());
    this.#timer ??= setTimeout(() => this.write(), wait);
  }

  /** Goes back, once until it is there. */
  back(): void {
    if (this.#goingBack) return;
    this.#goingBack = true;
    history.back();
  }

  rememberedAt(path: string): string {
    return this.#remembered.get(path) ?? '';
  }

  #remember({ path, parameters }: Address): void {
    const kept = new URLSearchParams(parameters);
    kept.delete('sheet');
    const page = pageOf(path);
    this.#remembered.delete(page);
    this.#remembered.set(page, kept.toString());
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

const bar = new AddressBar();

/** Goes to a page. @param to its path, with parameters or without */
export function navigate(to: string, { replace = false, state = null }: NavigateOptions = {}): void {
  bar.write();
  history[replace ? 'replaceState' : 'pushState'](state, '', `#${to}`);
  bar.change(read());
}

/** The path, for the router. */
export function usePath(): [string, typeof navigate] {
  return [useShared(bar.address, ({ path }) => path), navigate];
}
usePath.hrefs = (href: string) => `#${href}`;

/** A parameter as it is now, for what is done once. */
export const readParameter = (name: Parameter): string =>
  new URLSearchParams(bar.address.value.parameters).get(name) ?? '';

function withParameter(name: Parameter, value: string): Address {
  const { path, parameters } = bar.address.value;
  const changed = new URLSearchParams(parameters);
  if (value === '') changed.delete(name);
  else changed.set(name, value);
  return { path, parameters: changed.toString() };
}

/** Changes a parameter of the page, in the place of what it was. @param value empty: without it */
export function setParameter(name: Parameter, value: string): void {
  if (readParameter(name) === value) return;
  bar.change(withParameter(name, value));
  bar.writeSoon();
}

/** @returns a parameter of the page, empty without it; the component follows changes */
export const useParameter = (name: Parameter): string => useShared(bar.address, () => readParameter(name));

/** The address of a page as it was looked at last, so that the way back leads to the same place. */
export const addressOf = (path: string): string => format({ path, parameters: bar.rememberedAt(path) });

/** A sheet above the page has a history entry, so that Back closes it and the page stays. */
export const openSheet = (name: string, { replace = false } = {}): void =>
  navigate(format(withParameter('sheet', name)), replace ? { replace } : { state: { sheet: true } });

/** Closes the open sheet by navigating back. */
export function closeSheet(): void {
  if (readParameter('sheet') === '') return;
  const { sheet } = (history.state ?? {}) as { sheet?: boolean };
  if (sheet) bar.back();
  else navigate(format(withParameter('sheet', '')), { replace: true });
}
