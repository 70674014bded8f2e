import { useSyncExternalStore } from 'react';

/** State of the page that several components show. docs/dashboard.md lists each one. */
export class SharedState<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  /** Replaces the value, and runs the listeners before it returns. */
  set(value: T): void {
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  /** @returns a function that ends the listening */
  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/**
 * Renders the component again when what it selects changes.
 * @param select returns the same object for the same state
 */
export const useShared = <T, Selected>(state: SharedState<T>, select: (value: T) => Selected): Selected =>
  useSyncExternalStore(state.listen, () => select(state.value));
