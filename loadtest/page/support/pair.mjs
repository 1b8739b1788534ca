// Two people in one room, each on a node of one's own.

import { browser } from './browser.mjs';
import { Window } from './window.mjs';

/** @param {object} [options] of Ada's window, see `Window.open` */
export async function pair(t, room, options = {}) {
  const ada = await Window.open(t, browser(), { node: 0, ...options });
  const bo = await Window.open(t, browser(), { node: 1 });
  await ada.arrive('Ada', room);
  await bo.arrive('Bo', room);
  return { ada, bo };
}

/** `prefix 1`, `prefix 2`, … */
export function numbered(prefix, count) {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index + 1}`);
}
