// What one upload may cost the worker in memory: each file in a process of its own. See README.md. Exit code
// 1 says that one took more than it may, or that one was taken or refused against expectation.
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { cache, here, photographs, python, run, starling, step } from './kit.mjs';

// What the worker's `--help` promises of `--parallel`.
const ALLOWED_MIB = 300;

const { values: options } = parseArgs({
  options: {
    photographs: { type: 'string' },
    starling: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (options.help) {
  console.log(`node peak.mjs [--photographs DIR] [--starling PROGRAM]

  --photographs DIR    take the first JPEG file of DIR instead of one of the Debian package mate-backgrounds
  --starling PROGRAM   the example \`renditions\`, built already`);
  process.exit(0);
}

const interpreter = python();
const originals = photographs(interpreter, options.photographs);
const photograph = readdirSync(originals).filter((name) => name.endsWith('.jpg')).sort()[0];
if (!photograph) throw new Error(`there is no JPEG file in ${originals}: name a folder that has one with --photographs`);
const program = starling(options.starling);

step('files');
const inputs = path.join(cache, 'inputs');
rmSync(inputs, { recursive: true, force: true });
mkdirSync(inputs, { recursive: true });
run(interpreter, [path.join(here, 'inputs.py'), path.join(originals, photograph), inputs]);
// What a process takes that does nothing: the smallest picture there is.
writeFileSync(path.join(inputs, 'a-pixel.gif'), Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64'));

console.log(`| file | bytes | | peak memory | seconds of processor time |\n| --- | --- | --- | --- | --- |`);
const wrong = [];
for (const name of readdirSync(inputs).sort()) {
  const file = path.join(inputs, name);
  const result = JSON.parse(run(program, [file], { stdio: ['ignore', 'pipe', 'ignore'] }));
  const peak = result.peakKiB / 1024;
  const refused = result.refused > 0;
  console.log(`| ${name} | ${statSync(file).size} | ${refused ? 'refused' : 'taken'} | ${peak.toFixed(0)} MiB | ${result.cpuSeconds.toFixed(2)} |`);
  if (peak > ALLOWED_MIB) wrong.push(`${name} takes more than ${ALLOWED_MIB} MiB`);
  if (refused !== name.startsWith('bomb')) wrong.push(`${name} is ${refused ? 'refused' : 'taken'}`);
}
console.log(`\n${wrong.length ? wrong.join('; ') : `No file takes more than ${ALLOWED_MIB} MiB`}`);
process.exitCode = wrong.length ? 1 : 0;
