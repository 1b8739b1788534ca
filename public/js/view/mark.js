// A person's mark: an initial on speckled plumage in the person's hue.

import { initialOf, plumageOf } from '../model/plumage.js';
import { svg } from './dom.js';

const plumages = new Map();
const REMEMBERED = 500;

function plumage(userId) {
  if (!plumages.has(userId)) {
    if (plumages.size >= REMEMBERED) plumages.clear();
    plumages.set(userId, plumageOf(userId));
  }
  return plumages.get(userId);
}

/** The mark itself; says nothing to a screen reader, as the name stands beside it. */
export function markOf({ userId, username }) {
  const { hue, specks } = plumage(userId);
  const circles = specks.map(({ x, y, r }) => svg('circle', { cx: x, cy: y, r }));
  const mark = svg('svg', { class: 'mark', viewBox: '0 0 32 32', 'aria-hidden': 'true' }, [
    svg('circle', { class: 'mark-ground', cx: 16, cy: 16, r: 16 }),
    svg('g', { class: 'mark-specks' }, circles),
    svg('text', { class: 'mark-initial', x: 16, y: 16 }, [initialOf(username)]),
  ]);
  mark.style.setProperty('--hue', String(hue));
  return mark;
}

/** Gives an element the person's hue, for its text. */
export function tint(element, userId) {
  element.style.setProperty('--hue', String(plumage(userId).hue));
}
