// One script, run to its end: what it is told, what it prints, how it went.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { tokens } from '../artillery/tokens.mjs';
import { artillery, folder, k6, say } from './tools.mjs';

/** After which a script is killed, in milliseconds: something in it waits for what never comes. */
const DEADLINE = { short: 120_000, day: 30 * 60_000 };
/** Between two signs of life, where there is no terminal. */
const TICK = 5_000;
/** The names of times in Artillery's report. */
const COLUMNS = ['median', 'p95', 'p99', 'max'];

/** Programs that are to be ended with this one. */
export const children = new Set();

/** Runs a script. @returns {Promise<string | undefined>} what is wrong */
export function runScript(script, urls, short) {
  return script.tool === 'k6' ? runK6(script, urls, short) : runArtillery(script, urls, short);
}

async function runK6(script, urls, short) {
  const program = k6();
  const env = { ...process.env, STARLING_NODES: urls.join(','), K6_NO_USAGE_REPORT: 'true' };
  if (short) Object.assign(env, withDefaults(script.short));
  const terminal = process.stdout.isTTY;
  const args = ['run', ...(terminal ? [] : ['--quiet']), path.join(folder, 'k6', `${script.name}.js`)];
  const { code, late } = await wait(spawn(program, args, { env, stdio: 'inherit', detached: !terminal }), script, short, !terminal);
  if (late) return late;
  if (code === 0) return undefined;
  return code === 99 ? 'thresholds do not hold, as told above' : `k6 ended with ${code}, as told above`;
}

async function runArtillery(script, urls, short) {
  const program = artillery();
  const work = mkdtempSync(path.join(os.tmpdir(), 'starling-artillery-'));
  const [csv, report] = [path.join(work, 'tokens.csv'), path.join(work, 'report.json')];
  const run = `${script.name}-${Date.now().toString(36)}`;
  const kind = short ? 'short' : 'day';
  try {
    writeFileSync(csv, await tokens(urls[0], script.clients[kind], run), { mode: 0o600 });
    const args = ['run', '--target', urls[0], '--payload', csv, '-e', kind, '--output', report, path.join(folder, 'artillery', `${script.name}.yml`)];
    const env = { ...process.env, STARLING_RUN: run, ARTILLERY_DISABLE_TELEMETRY: 'true', ...(short ? withDefaults(script.short) : {}) };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += data));
    const { code, late } = await wait(child, script, short, true);
    const checks = printed.split('\n').filter((line) => /^(ok|fail): /.test(line));
    if (late || checks.length === 0) {
      console.log(printed.split('\n').slice(-60).join('\n'));
      return late ?? `Artillery ended with ${code} and looked at no threshold, as told above`;
    }
    console.log(words(script.name, JSON.parse(readFileSync(report, 'utf8')).aggregate, checks));
    return code === 0 ? undefined : 'thresholds do not hold, as told above';
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Those that the caller's environment does not set. */
const withDefaults = (settings) => Object.fromEntries(Object.entries(settings).filter(([name]) => !process.env[name]));

/** Waits for a program's end, and says now and then that it still runs. */
async function wait(child, script, short, ticking) {
  children.add(child);
  const began = Date.now();
  const limit = DEADLINE[short ? 'short' : 'day'];
  let late;
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const ticks = ticking ? setInterval(() => say(`${script.name}: ${seconds()} s`), TICK) : undefined;
  const timer = setTimeout(() => {
    late = `not done after ${limit / 1000} s, and killed`;
    end(child, 'SIGKILL');
  }, limit);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal));
  });
  clearInterval(ticks);
  clearTimeout(timer);
  children.delete(child);
  return { code, late };
}

/** Ends a program, and its own with it where it has a group. */
export function end(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}

/** Artillery's report in the manner of the other scripts'. */
function words(name, { counters, summaries }, checks) {
  const row = (first, cells) => first.padEnd(28) + cells.map((cell) => String(cell).padStart(9)).join('');
  const wanted = (key) => /^(starling|socketio)\./.test(key);
  const plain = (key) => key.replace(/^(starling|socketio)\./, '').replace(/_/g, ' ');
  const counts = Object.entries(counters).filter(([key]) => /^(starling|errors|vusers\.(created|completed|failed)$)/.test(key));
  return [
    '',
    `${name}: times in milliseconds`,
    row('', COLUMNS),
    ...Object.entries(summaries).filter(([key]) => wanted(key)).map(([key, values]) => row(plain(key), COLUMNS.map((column) => Math.round(values[column])))),
    counts.map(([key, value]) => `${plain(key)} ${value}`).join(', '),
    ...checks.filter((line) => line.startsWith('fail')).map((line) => `BROKEN: ${line.replace(/^fail: /, '')}`),
    checks.every((line) => line.startsWith('ok')) ? `${name}: ok` : `${name}: thresholds do not hold`,
    '',
  ].join('\n');
}
