// Plain text of a message: what in it is a link, whether it is nothing but a few emoji, how long it is.

/** Longest message, in Unicode code points. */
export const MAX_CONTENT = 1_000;
/** Messages of nothing but up to this many emoji are shown large. */
const MAX_JUMBO = 5;

/** Length as the server counts it. */
export function lengthOf(text) {
  return [...text].length;
}

/** The server's words, which begin in lower case, as a sentence of the page. */
export function asSentence(words) {
  const [first = '', ...rest] = words.trim();
  const text = first.toLocaleUpperCase('en') + rest.join('');
  return /[.!?…]$/u.test(text) || text === '' ? text : `${text}.`;
}

const ADDRESS = /https?:\/\/[^\s<>"'`]+/giu;

/**
 * Cuts text into plain pieces and web addresses; joined, they are the text again.
 * @returns {{ text: string, href?: string }[]}
 */
export function pieces(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTrailing(match[0]);
    if (!URL.canParse(address)) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index) });
    found.push({ text: address, href: address });
    at = match.index + address.length;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}

/** A sentence's full stop, or the bracket that a link stands in, is not part of the link. */
function withoutTrailing(address) {
  let end = address.length;
  for (;;) {
    const last = address[end - 1];
    const unopened = last === ')' && !address.slice(0, end).includes('(');
    if (!unopened && !'.,;:!?…'.includes(last)) return address.slice(0, end);
    end -= 1;
  }
}

const EMOJI = /\p{RGI_Emoji}/v;

/** Whether the text is a handful of emoji and nothing else. */
export function isJumbo(text) {
  const graphemes = [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text.slice(0, 100))]
    .map(({ segment }) => segment)
    .filter((segment) => segment.trim() !== '');
  return text.length <= 100 && graphemes.length > 0 && graphemes.length <= MAX_JUMBO && graphemes.every(isEmoji);
}

function isEmoji(grapheme) {
  const match = EMOJI.exec(grapheme);
  return match !== null && match[0] === grapheme;
}
