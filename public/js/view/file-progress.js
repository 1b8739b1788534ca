// What becomes of a file on its way: a bar, words, and how to end it. Kept while the numbers change, so that neither
// the focus nor the picture is lost.

import { fateOf, percent } from '../model/file-fate.js';
import { icon, make, setAttribute, setText } from './dom.js';

export function progressOf({ entry }, online) {
  const cancel = make('button', { type: 'button', class: 'progress-cancel', 'data-action': 'discard-file', 'data-testid': 'cancel' }, [icon('close')]);
  const bar = make('div', { class: 'progress-bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100 }, [make('i')]);
  // Its changes are told by the status line, at sensible steps, not by the log.
  const element = make('div', { class: 'progress', 'data-testid': 'progress', 'aria-live': 'off' }, [make('span', { class: 'progress-words' }), cancel, bar]);
  updateProgress(element, { entry }, online);
  return element;
}

/** @param {HTMLElement} element made by `progressOf` */
export function updateProgress(element, { entry }, online) {
  const { words, part, moving, cancel } = fateOf(entry, online);
  const [said, button, bar] = element.children;
  setText(said, words);
  element.dataset.way = entry.way;
  element.dataset.part = part === null ? '' : String(percent(part));
  button.hidden = cancel === null;
  setAttribute(button, 'aria-label', cancel === null ? null : `${cancel}: ${entry.filename}`);
  setAttribute(button, 'title', cancel);
  setAttribute(bar, 'aria-label', `Sending ${entry.filename}`);
  setAttribute(bar, 'aria-valuenow', part === null ? null : percent(part));
  bar.classList.toggle('endless', part === null && moving);
  bar.hidden = part === null && !moving;
  bar.firstElementChild.style.transform = part === null ? '' : `scaleX(${part})`;
}
