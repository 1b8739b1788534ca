// Links that lead away from the page.

import { safeAddress } from '../model/html-policy.js';
import { pieces } from '../model/plain-text.js';
import { make } from './dom.js';

/** Makes `anchor` a link to another site, if the address is a safe one. */
export function follow(anchor, href) {
  const address = safeAddress(href);
  if (address === null) return;
  anchor.href = address;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer nofollow';
}

/** A link with these children. */
export function link(href, children) {
  const anchor = make('a', {}, children);
  follow(anchor, href);
  return anchor;
}

/** Text with its web addresses as links. @returns {(Node | string)[]} */
export function linked(text) {
  return pieces(text).map((piece) => (piece.href ? link(piece.href, [piece.text]) : piece.text));
}
