// Light or dark: the system's choice until a person makes another one.

import { profileShelf } from '../link/storage.js';
import { setAttribute } from './dom.js';

const dark = window.matchMedia('(prefers-color-scheme: dark)');

function isDark() {
  const chosen = document.documentElement.dataset.appearance;
  return chosen ? chosen === 'dark' : dark.matches;
}

/** Makes every button of the class `appearance` a switch. */
export function startAppearance() {
  for (const button of document.querySelectorAll('button.appearance')) button.addEventListener('click', toggle);
  dark.addEventListener('change', show);
  show();
}

function toggle() {
  const next = isDark() ? 'light' : 'dark';
  const isSystems = (next === 'dark') === dark.matches;
  if (isSystems) delete document.documentElement.dataset.appearance;
  else document.documentElement.dataset.appearance = next;
  if (isSystems) profileShelf.drop('appearance');
  else profileShelf.put('appearance', next);
  show();
}

function show() {
  const words = isDark() ? 'Light appearance' : 'Dark appearance';
  for (const button of document.querySelectorAll('button.appearance')) {
    setAttribute(button, 'aria-label', words);
    setAttribute(button, 'title', words);
  }
  // What is drawn rather than styled has to be drawn again.
  document.dispatchEvent(new Event('appearance'));
  // The colour of the browser's own bars on a phone.
  document.querySelector('meta[name="theme-color"]').content = getComputedStyle(document.body).backgroundColor;
}
