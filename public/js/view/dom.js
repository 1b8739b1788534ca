// The few lines between values and elements. Text goes in as text, always.

const SVG = 'http://www.w3.org/2000/svg';

/** The element with this id; it is in the page's HTML or the page is broken. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`${window.location.pathname} has no element with the id "${id}"`);
  return found;
}

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | null | undefined>} attributes `null`, `undefined` and `false` leave one out
 * @param {(Node | string)[]} children strings become text nodes
 */
export function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children);
  return element;
}

/** Writes text only where it differs, so that screen readers and selections are left alone. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** As in `make`. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? '' : value);
}

export function svg(tag, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An icon of /img/icons.svg, hidden from screen readers: its button carries the words. */
export function icon(name) {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true', viewBox: '0 0 20 20' }, [svg('use', { href: `/img/icons.svg#${name}` })]);
}

/**
 * Makes the children of `parent` those of `items`, in order, reusing by key.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {{ key: (item: T) => string, create: (item: T) => Element, update: (element: Element, item: T) => void }} how
 * @param {Map<string, Element>} elements what is there by key; kept up to date
 */
export function reconcile(parent, items, { key, create, update }, elements) {
  const keys = new Set(items.map(key));
  for (const [name, element] of elements) {
    if (keys.has(name)) continue;
    element.remove();
    elements.delete(name);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    let element = elements.get(key(item));
    if (!element) elements.set(key(item), (element = create(item)));
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
}
