/** The element with this id. @throws Error when the page has none, which is a mistake of the page */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return found;
}

/** Says something to the reader, also to a screen reader. */
export function say(text: string, { bad = false } = {}): void {
  const status = element('status');
  status.textContent = text;
  status.classList.toggle('bad', bad);
}
