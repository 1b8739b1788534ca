// Starling's media pipeline beside sharp: the same photographs, the same sizes, the same quality setting,
// in turns, in one run. See README.md. Exit code 1 says that Starling lost.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { cache, here, photographs, python, run, starling, step } from './kit.mjs';

const { values: options } = parseArgs({
  options: {
    photographs: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    repeat: { type: 'string', default: '5' },
    starling: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (options.help) {
  console.log(`node compare.mjs [--photographs DIR] [--rounds N] [--repeat N] [--starling PROGRAM]

  --photographs DIR    JPEG files to use instead of those of the Debian package mate-backgrounds
  --rounds N           how often the two take turns; the best of each counts (3)
  --repeat N           how often a turn goes through all photographs (5)
  --starling PROGRAM   the example \`renditions\`, built already`);
  process.exit(0);
}

step('sharp');
run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: here });
const interpreter = python();
const originals = photographs(interpreter, options.photographs);
const files = readdirSync(originals).filter((name) => name.endsWith('.jpg')).sort().map((name) => path.join(originals, name));
const program = starling(options.starling);

// What each is started with; `more` is what only the peer knows.
const contenders = {
  starling: (threads, more) => [program, ['--threads', threads, ...more]],
  sharp: (threads, more) => [process.execPath, [path.join(here, 'peer.mjs'), '--threads', threads, ...more]],
};
function turn(name, threads, more) {
  const [command, args] = contenders[name](String(threads), more);
  // libvips and Node.js keep to as many threads as pictures at a time.
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(threads), VIPS_CONCURRENCY: '1' };
  const quiet = { env, stdio: ['ignore', 'pipe', 'ignore'] };
  return JSON.parse(run(command, [...args, ...files], quiet).trim().split('\n').at(-1));
}

const best = {};
for (const threads of [1, 2]) {
  for (let round = 1; round <= Number(options.rounds); round += 1) {
    for (const name of Object.keys(contenders)) {
      step(`${name}, ${threads} at a time, round ${round} of ${options.rounds}`);
      const result = turn(name, threads, ['--repeat', options.repeat]);
      if (result.refused) throw new Error(`${name} refused ${result.refused} photographs`);
      const rate = result.images / result.cpuSeconds;
      const known = best[`${name} ${threads}`];
      if (!known || rate > known.rate) best[`${name} ${threads}`] = { ...result, rate };
    }
  }
}

step('quality');
const folder = (name) => {
  const made = path.join(cache, 'renditions', name);
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  return made;
};
// The peer at the qualities around 70 too: that tells how many bytes it needs to look as good as Starling.
const qualities = [68, 69, 70, 71, 72];
const folders = [folder('starling'), ...qualities.map((quality) => folder(`sharp-${quality}`))];
turn('starling', 1, ['--out', folders[0]]);
qualities.forEach((quality, index) => turn('sharp', 1, ['--quality', String(quality), '--out', folders[index + 1]]));
const measured = run(interpreter, [path.join(here, 'quality.py'), originals, ...folders]).trim().split('\n').map((line) => JSON.parse(line));
const quality = (name, kind) => measured.find((row) => row.folder === name && row.kind === kind);

/** Bytes that the peer needs for `dssim`, on the line through the two qualities around it. */
function bytesFor(dssim, kind) {
  const points = qualities.map((value) => quality(`sharp-${value}`, kind));
  const above = Math.min(Math.max(points.findIndex((point) => point.dssim <= dssim), 1), points.length - 1);
  const [low, high] = [points[above - 1], points[above]];
  return low.bytes + (high.bytes - low.bytes) * ((low.dssim - dssim) / (low.dssim - high.dssim));
}

console.log(`\n${files.length} photographs, best of ${options.rounds} turns, ${os.cpus()[0].model}, ${os.cpus().length} cores\n`);
console.log('| | at a time | images/CPU-s | images/s | peak memory |\n| --- | --- | --- | --- | --- |');
for (const [name, row] of Object.entries(best)) {
  const [who, threads] = name.split(' ');
  console.log(`| ${who} | ${threads} | ${row.rate.toFixed(2)} | ${(row.images / row.seconds).toFixed(2)} | ${(row.peakKiB / 1024).toFixed(0)} MiB |`);
}
console.log('\n| | rendition | bytes | SSIM | DSSIM | bytes of sharp for this DSSIM |\n| --- | --- | --- | --- | --- | --- |');
const lost = [];
for (const kind of ['main', 'thumbnail']) {
  const own = quality('starling', kind);
  const needed = bytesFor(own.dssim, kind);
  for (const [who, row] of [['starling', own], ['sharp', quality('sharp-70', kind)]]) {
    const equal = who === 'starling' ? `${needed.toFixed(0)} (Starling ${((row.bytes / needed - 1) * 100).toFixed(2)} %)` : '';
    console.log(`| ${who} | ${kind} | ${row.bytes} | ${row.ssim.toFixed(5)} | ${row.dssim.toFixed(5)} | ${equal} |`);
  }
  if (own.bytes > needed) lost.push(`larger ${kind} files for the same DSSIM`);
}
for (const threads of [1, 2]) {
  if (best[`starling ${threads}`].rate < best[`sharp ${threads}`].rate) lost.push(`fewer images a CPU-second, ${threads} at a time`);
}
console.log(`\n${lost.length ? `Starling lost: ${lost.join('; ')}` : 'Starling holds its own: no fewer images a CPU-second, no larger files for the same DSSIM'}`);
process.exitCode = lost.length ? 1 : 0;
