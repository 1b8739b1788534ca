// Loudness as a row of bars, for a sound and for a recording. Drawn with strokes, so that they take any width.

/** How many there are. */
export const BARS = 44;
/** A bar of silence is still to be seen, as a part of the height. */
const LEAST = 0.06;

/**
 * The bars as the path of an SVG of `BARS` by 1; where there are fewer values, the rest is silence.
 * @param {number[]} values 0 to 1
 */
export function barsPath(values) {
  return Array.from({ length: BARS }, (_, index) => {
    const half = (LEAST + (0.86 - LEAST) * (values[index] ?? 0)) / 2;
    return `M${index + 0.5} ${(0.5 - half).toFixed(3)}V${(0.5 + half).toFixed(3)}`;
  }).join('');
}
