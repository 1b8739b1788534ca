// The only place where markup from the server becomes elements. The server has sanitised it; nothing of it is
// inserted as it is: every element here is made anew, from the short list of `model/html-policy.js`.

import { MAX_DEPTH, verdict } from '../model/html-policy.js';
import { follow, linked } from './link.js';

/** Where an address is not made a link: it is one already, or code. */
const VERBATIM = 'a, code, pre';

/** @returns {DocumentFragment} no attribute of the source survives but a safe `href` */
export function serverHtml(html) {
  // A parsed document is inert: no script runs in it and nothing is loaded.
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  const fragment = document.createDocumentFragment();
  copyChildren(parsed.body, fragment, 0);
  return fragment;
}

function copyChildren(from, to, depth) {
  if (depth > MAX_DEPTH) return;
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.append(...(from.closest(VERBATIM) ? [node.data] : linked(node.data)));
    else if (node.nodeType === Node.ELEMENT_NODE) copyElement(node, to, depth);
  }
}

function copyElement(source, to, depth) {
  const kept = verdict(source.localName);
  if (kept === 'drop') return;
  if (kept === 'unwrap') return copyChildren(source, to, depth + 1);
  const element = document.createElement(source.localName);
  if (source.localName === 'a') follow(element, source.getAttribute('href'));
  copyChildren(source, element, depth + 1);
  to.append(element);
}
