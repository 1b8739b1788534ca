// The same work by sharp: `node peer.mjs --threads N --repeat N [--quality Q] [--out DIR] FILE...`, with the same line
// of JSON at the end as Starling's example `renditions`.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1' },
    repeat: { type: 'string', default: '1' },
    quality: { type: 'string', default: '70' },
    out: { type: 'string' },
  },
});

// One thread for each picture; how many pictures at a time is up to the loop below. No cache: the same
// pictures come again and again, which they do not in life.
sharp.concurrency(1);
sharp.cache(false);
const quality = Number(values.quality);

async function renditions(upload) {
  const main = await sharp(upload).rotate()
    .resize(2048, 2048, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality }).toBuffer();
  // From the small main picture, as Starling does: faster for sharp too than from the original.
  const thumbnail = await sharp(main)
    .resize(320, 320, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality }).toBuffer();
  return { main, thumbnail };
}

const uploads = positionals.map((file) => readFileSync(file));
const total = uploads.length * Number(values.repeat);
let next = 0;
let bytes = 0;
const before = process.cpuUsage();
const started = performance.now();
await Promise.all(Array.from({ length: Number(values.threads) }, async () => {
  while (next < total) {
    const media = await renditions(uploads[next++ % uploads.length]);
    bytes += media.main.length + media.thumbnail.length;
  }
}));
const used = process.cpuUsage(before);
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
console.log(JSON.stringify({
  images: total,
  refused: 0,
  cpuSeconds: (used.user + used.system) / 1e6,
  seconds: (performance.now() - started) / 1000,
  bytes,
  peakKiB: Number(peak[1]),
}));
if (values.out) {
  for (const [index, file] of positionals.entries()) {
    const media = await renditions(uploads[index]);
    const name = path.parse(file).name;
    writeFileSync(path.join(values.out, `${name}.main`), media.main);
    writeFileSync(path.join(values.out, `${name}.thumbnail`), media.thumbnail);
  }
}
