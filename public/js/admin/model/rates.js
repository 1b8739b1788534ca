// The rates of the last minutes, as they came, and the lines they make. The server keeps none of them.

/** How far back they go, in milliseconds. */
export const WINDOW = 180_000;
/** Samples further apart than this are not joined: the page was hidden, or there was no connection. */
const BREAK = 7_000;
/** The drawing's own measures; it is stretched to whatever room there is. */
export const WIDTH = 180;
export const HEIGHT = 40;

/** @typedef {{ time: number, messages: number, deliveries: number }} Sample */

/** @param {Sample[]} samples */
export function withSample(samples, sample) {
  return [...samples, sample].filter(({ time }) => time > sample.time - WINDOW);
}

/** The most of one rate in the window; not 0, as it is divided by. */
export function peak(samples, rate) {
  return Math.max(1, ...samples.map((sample) => sample[rate]));
}

/**
 * One rate as the path of an SVG of `WIDTH` by `HEIGHT`, the present at its right edge.
 * @param {Sample[]} samples oldest first
 * @param {'messages' | 'deliveries'} rate
 */
export function ratePath(samples, rate) {
  const now = samples.at(-1)?.time ?? 0;
  const most = peak(samples, rate);
  let before = -Infinity;
  return samples.map((sample) => {
    const x = WIDTH * (1 - (now - sample.time) / WINDOW);
    const y = 1 + (HEIGHT - 2) * (1 - sample[rate] / most);
    const step = sample.time - before > BREAK ? 'M' : 'L';
    before = sample.time;
    // One sample alone is a dot.
    return `${step}${x.toFixed(1)} ${y.toFixed(1)}${step === 'M' ? 'h0' : ''}`;
  }).join('');
}

/** What the line shows, for who does not see it. */
export function rateWords(samples, rate) {
  if (samples.length === 0) return 'Nothing measured yet';
  const values = samples.map((sample) => sample[rate]);
  const when = `the last ${WINDOW / 60_000} minutes`;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return most === 0 ? `Nothing in ${when}` : `Between ${number(least)} and ${number(most)} in ${when}`;
}

function number(value) {
  return value.toLocaleString('en');
}
