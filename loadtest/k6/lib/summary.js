// The words at a run's end: times, counts, and what did not hold.

/** Milliseconds by which k6 may be late itself, in 95 of 100 cases, before its times say little. */
const LATE = 250;
const COLUMNS = ['p(50)', 'p(95)', 'p(99)', 'max'];

/** Which numbers of a trend k6 is to compute. */
export const summaryTrendStats = COLUMNS;

/** A script's `handleSummary`. */
export const summaryOf = (script) => (data) => ({ stdout: text(script, data) });

function text(script, data) {
  const ours = Object.entries(data.metrics).filter(([name]) => name.startsWith('starling_'));
  const trends = ours.filter(([, metric]) => metric.type === 'trend');
  const counters = ours.filter(([, metric]) => metric.type === 'counter');
  const broken = Object.entries(data.metrics).flatMap(([name, metric]) =>
    Object.entries(metric.thresholds || {}).filter(([, threshold]) => !threshold.ok).map(([condition]) => [name, condition, metric.values]),
  );
  return [
    '',
    `${script}: ${trends.length > 0 ? 'times in milliseconds' : 'nothing was timed'}`,
    row('', COLUMNS),
    ...trends.map(([name, { values }]) => row(plain(name), COLUMNS.map((column) => Math.round(values[column] || 0)))),
    counters.map(([name, { values }]) => `${plain(name)} ${values.count}`).join(', '),
    ...ownLateness(data.metrics.starling_own_lag),
    ...broken.map(([name, condition, values]) => `BROKEN: ${plain(name)} must be ${condition}, and is ${JSON.stringify(values)}`),
    broken.length === 0 ? `${script}: ok` : `${script}: ${broken.length} thresholds do not hold`,
    '',
  ].join('\n');
}

/** All that a script times has its own lateness in it. */
function ownLateness(lag) {
  const late = lag === undefined ? 0 : Math.round(lag.values['p(95)']);
  return late > LATE ? [`k6 itself was late, by ${late} ms in 5 of 100 cases: these times are more its own, or this machine's, than the system's`] : [];
}

const plain = (name) => name.replace(/^starling_/, '').replace(/_/g, ' ');
const row = (name, cells) => name.padEnd(28) + cells.map((cell) => String(cell).padStart(9)).join('');
