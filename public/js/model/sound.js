// Sound as a row of bars, and time in it as people say it.

/**
 * The loudness of a sound over its length, for drawing.
 * @param {Float32Array} samples of one channel, -1 to 1
 * @returns {number[]} 0 to 1, the loudest one being 1 where there is anything to hear
 */
export function barsOf(samples, count) {
  const width = samples.length / count;
  const loudness = Array.from({ length: count }, (_, bar) => {
    const end = Math.min(samples.length, Math.ceil((bar + 1) * width));
    let sum = 0;
    let seen = 0;
    // Some hundred samples tell as much as all of them.
    const stride = Math.max(1, Math.floor(width / 400));
    for (let at = Math.floor(bar * width); at < end; at += stride, seen += 1) sum += samples[at] ** 2;
    return seen === 0 ? 0 : Math.sqrt(sum / seen);
  });
  const loudest = Math.max(...loudness, 0.02);
  return loudness.map((value) => Math.min(1, value / loudest));
}

/** Loudness of a moment, for a level meter: 0 for silence, 1 for as loud as it gets, as the ear takes it. */
export function levelOf(samples) {
  const power = samples.reduce((sum, value) => sum + value * value, 0) / Math.max(1, samples.length);
  const decibels = 10 * Math.log10(Math.max(power, 1e-10));
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}

/** Seconds as on a clock: "0:07", "12:30". Unknown lengths are "–:––". */
export function clockOf(seconds) {
  if (!Number.isFinite(seconds)) return '–:––';
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** The same to be read out: "7 seconds", "1 minute 5 seconds". */
export function spokenTime(seconds) {
  if (!Number.isFinite(seconds)) return 'unknown length';
  const whole = Math.floor(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  const parts = [minutes > 0 ? counted(minutes, 'minute') : '', rest > 0 || minutes === 0 ? counted(rest, 'second') : ''];
  return parts.filter((part) => part !== '').join(' ');
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
