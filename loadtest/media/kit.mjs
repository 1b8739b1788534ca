// What the programs of this folder need, fetched and built where it is not there yet: see README.md.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '../..');
export const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'starling/media');
export const step = (text) => console.error(`== ${text}`);
export const run = (command, args, more = {}) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26, ...more });

/** An interpreter with the packages of requirements.txt. */
export function python() {
  mkdirSync(cache, { recursive: true });
  const program = path.join(cache, 'python/bin/python');
  step('Python packages');
  if (!existsSync(program)) run('python3', ['-m', 'venv', path.join(cache, 'python')]);
  run(program, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', path.join(here, 'requirements.txt')]);
  return program;
}

/** The folder of the photographs: `given`, or those of a Debian package. */
export function photographs(interpreter, given) {
  if (given) return path.resolve(given);
  const made = path.join(cache, 'photographs');
  if (!existsSync(made)) {
    step('photographs (Debian package mate-backgrounds: GPL-2+ and CC-BY-SA-4.0)');
    const unpacked = path.join(cache, 'package');
    rmSync(unpacked, { recursive: true, force: true });
    mkdirSync(unpacked, { recursive: true });
    run('apt-get', ['download', '-qq', 'mate-backgrounds'], { cwd: unpacked });
    run('dpkg-deb', ['-x', readdirSync(unpacked).find((name) => name.endsWith('.deb')), '.'], { cwd: unpacked });
    const source = path.join(unpacked, 'usr/share/backgrounds/mate/nature');
    run(interpreter, [path.join(here, 'photographs.py'), source, made]);
  }
  return made;
}

/** The example `renditions`: `built` already, or built now. */
export function starling(built) {
  if (built) return path.resolve(built);
  step('Starling');
  execFileSync('cargo', ['build', '--release', '--package', 'media-worker', '--example', 'renditions'], { cwd: root, stdio: 'inherit' });
  return path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, 'target'), 'release/examples/renditions');
}
