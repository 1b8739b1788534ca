// The mark of a person: an initial, and a hue and speckles that follow from the user id alone.

/** Hues (OKLCH degrees) that stay apart from each other and from the red of failures. */
const HUES = [62, 105, 145, 188, 232, 275, 315, 350];

/** FNV-1a, 32 bits (Fowler, Noll, Vo). */
export function fnv1a(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/**
 * @returns {{ hue: number, specks: { x: number, y: number, r: number }[] }} specks on the lower rim of a disc of
 *   32 by 32, clear of the letter in its middle
 */
export function plumageOf(userId) {
  const random = generator(fnv1a(userId));
  const hue = HUES[Math.floor(random() * HUES.length)];
  const start = random() * 1.4;
  const specks = Array.from({ length: 9 }, (_, index) => {
    const angle = start + index * 0.3 + (random() - 0.5) * 0.16;
    const distance = index % 2 === 0 ? 13.2 : 10.9 + random() * 0.8;
    return { x: round(16 + Math.cos(angle) * distance), y: round(16 + Math.sin(angle) * distance), r: round(0.7 + random() * 0.7) };
  });
  return { hue, specks };
}

/** The first letter of a name, as large as it has one; any script, any emoji. */
export function initialOf(name) {
  const [first] = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(name.trim());
  return first?.segment.toLocaleUpperCase('en') ?? '';
}

/** Mulberry32: small, even enough for a picture. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function round(number) {
  return Math.round(number * 10) / 10;
}
