// What the page lets through of the server's `html`, which is sanitised already: a second, short list.

const KEEP = new Set([
  'a', 'abbr', 'b', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'kbd', 'li', 'mark',
  'ol', 'p', 'pre', 's', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'u', 'ul',
]);

/** Elements that go with everything in them: what they hold is not text for people. */
const DROP = new Set([
  'script', 'style', 'template', 'iframe', 'object', 'embed', 'svg', 'math', 'noscript', 'noembed', 'noframes', 'textarea', 'select',
  'title', 'head', 'xmp', 'plaintext', 'audio', 'video', 'canvas',
]);

/** Deepest nesting that is shown; what lies below is dropped. */
export const MAX_DEPTH = 24;

/** @returns {'keep' | 'drop' | 'unwrap'} `unwrap` shows the children without the element */
export function verdict(tag) {
  const name = tag.toLowerCase();
  if (KEEP.has(name)) return 'keep';
  return DROP.has(name) ? 'drop' : 'unwrap';
}

/** An address that may be followed, in full; null for every scheme but http, https and mailto. */
export function safeAddress(href) {
  if (typeof href !== 'string' || !URL.canParse(href)) return null;
  const { protocol } = new URL(href);
  return ['http:', 'https:', 'mailto:'].includes(protocol) ? href : null;
}
