import { useSyncExternalStore } from 'react';

/**
 * What stands behind `#`: the page, and how it is looked at, as `#/v/<id>/timeline?moment=42`. The server never sees it.
 * A browser lets a page change its address a few times a second only, so changes that replace each other wait.
 */
const WRITE_MS = 250;

/** What leads to a page, beside its path. */
export type Parameter = 'q' | 'filter' | 'moment' | 'at' | 'sheet';

interface Address {
  path: string;
  parameters: string;
}

interface NavigateOptions {
  replace?: boolean;
  /** Of the history entry. */
  state?: unknown;
}

/** Pages whose parameters are remembered for the way back to them. */
const MAX_REMEMBERED = 200;

const listeners = new Set<() => void>();
const remembered = new Map<string, string>();
let current = read();
let lastWrite = Number.NEGATIVE_INFINITY;
let timer: ReturnType<typeof setTimeout> | undefined;
let goingBack = false;

function read(): Address {
  const [path = '', parameters = ''] = location.hash.replace(/^#?\/?/, '').split('?', 2);
  return { path: `/${path}`, parameters };
}

const format = ({ path, parameters }: Address): string => (parameters ? `${path}?${parameters}` : path);

/** An entry of a vault is a place on the vault's page. */
const pageOf = (path: string): string => path.replace(/^(\/v\/[^/]+)\/e\d.*$/, '$1');

function remember(): void {
  const kept = new URLSearchParams(current.parameters);
  kept.delete('sheet');
  const page = pageOf(current.path);
  remembered.delete(page);
  remembered.set(page, kept.toString());
  const [oldest] = remembered.keys();
  if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
}

function change(address: Address): void {
  current = address;
  remember();
  for (const listener of [...listeners]) listener();
}

/** Writes what has changed into the address bar, where it has not been written yet. */
function write(): void {
  if (timer === undefined) return;
  clearTimeout(timer);
  timer = undefined;
  lastWrite = performance.now();
  history.replaceState(history.state, '', `#${format(current)}`);
}

function writeSoon(): void {
  timer ??= setTimeout(write, Math.max(0, lastWrite + WRITE_MS - performance.now()));
}

history.scrollRestoration = 'manual';
window.addEventListener('pagehide', write);
window.addEventListener('popstate', () => {
  clearTimeout(timer);
  timer = undefined;
  goingBack = false;
  change(read());
});
remember();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Goes to a page. @param to its path, with parameters or without */
export function navigate(to: string, { replace = false, state = null }: NavigateOptions = {}): void {
  write();
  history[replace ? 'replaceState' : 'pushState'](state, '', `#${to}`);
  change(read());
}

/** The path, for the router. */
export function usePath(): [string, typeof navigate] {
  return [useSyncExternalStore(subscribe, () => current.path), navigate];
}
usePath.hrefs = (href: string) => `#${href}`;

const parameterOf = (name: Parameter): string => new URLSearchParams(current.parameters).get(name) ?? '';

function withParameter(name: Parameter, value: string): Address {
  const parameters = new URLSearchParams(current.parameters);
  if (value === '') parameters.delete(name);
  else parameters.set(name, value);
  return { ...current, parameters: parameters.toString() };
}

/** Changes a parameter of the page, in the place of what it was. @param value empty: without it */
export function setParameter(name: Parameter, value: string): void {
  if (parameterOf(name) === value) return;
  change(withParameter(name, value));
  writeSoon();
}

/** @returns a parameter of the page, empty without it; the component follows changes */
export const useParameter = (name: Parameter): string =>
  useSyncExternalStore(subscribe, () => parameterOf(name));

/** A parameter as it is now, for what is done once. */
export const readParameter = parameterOf;

/** The address of a page as it was looked at last, so that the way back leads to the same place. */
export function addressOf(path: string): string {
  return format({ path, parameters: remembered.get(path) ?? '' });
}

/** A sheet above the page has a history entry, so that Back closes it and the page stays. */
export const openSheet = (name: string, { replace = false } = {}): void =>
  navigate(format(withParameter('sheet', name)), replace ? { replace } : { state: { sheet: true } });

/** Closes the sheet that is open, by going back where it was opened from. */
export function closeSheet(): void {
  if (parameterOf('sheet') === '' || goingBack) return;
  const { sheet } = (history.state ?? {}) as { sheet?: boolean };
  if (sheet) {
    goingBack = true;
    history.back();
  } else navigate(format(withParameter('sheet', '')), { replace: true });
}
