/** The element with this id. @throws Error if the page has none, which is a bug in the page */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return found;
}

/** Shows a status message, which screen readers announce. */
export function say(text: string, { bad = false } = {}): void {
  const status = element('status');
  status.textContent = text;
  status.classList.toggle('bad', bad);
}
