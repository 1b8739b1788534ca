// A local stack for one run: built where it has to be, started on free ports, stopped at the end.

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { folder, Missing, say } from './tools.mjs';

const NODES = 2;
/** Where the media worker listens, from the first node's port. */
const MEDIA = 100;
/** Until everything is ready, in milliseconds; the first start ever also fetches nats-server. */
const START = 180_000;
/** Until a stack that was asked to stop is killed. */
const STOP = 30_000;

/** The program `local-stack`, built in the release profile. */
export function build() {
  say('building the local stack (cargo build --release)');
  const root = path.dirname(path.resolve(folder));
  const cargo = (args, stdio) => spawnSync('cargo', args, { cwd: root, encoding: 'utf8', stdio, maxBuffer: 1 << 28 });
  const built = cargo(['build', '--release', '--package', 'local-stack'], ['ignore', 'inherit', 'inherit']);
  if (built.error) throw new Missing('cargo is missing: install Rust from https://rustup.rs, or name a running system by --url');
  if (built.status !== 0) throw new Error('the local stack does not build, as told above');
  const metadata = cargo(['metadata', '--format-version', '1', '--no-deps'], ['ignore', 'pipe', 'inherit']);
  return path.join(JSON.parse(metadata.stdout).target_directory, 'release/local-stack');
}

/** Starts `program` and waits until it serves. */
export async function start(program) {
  const port = await freePort();
  const home = mkdtempSync(path.join(os.tmpdir(), 'starling-load-'));
  const log = path.join(home, 'stack.log');
  const out = openSync(log, 'w');
  say(`starting ${program}, its log in ${log}`);
  const args = ['--nodes', String(NODES), '--port', String(port), '--data', path.join(home, 'data')];
  // A group of its own: Ctrl-C comes to this runner alone, which stops it in order.
  const child = spawn(program, args, { stdio: ['ignore', out, out], detached: true });
  closeSync(out);
  const stack = new Stack(child, home, log, port);
  try {
    await stack.ready();
  } catch (error) {
    await stack.stop(false);
    throw error;
  }
  return stack;
}

class Stack {
  constructor(child, home, log, port) {
    Object.assign(this, { child, home, log });
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? code));
      child.once('error', (error) => resolve(error.message));
    });
    this.ended.then((how) => (this.end = how));
    this.urls = Array.from({ length: NODES }, (_, index) => `http://127.0.0.1:${port + index}`);
    this.media = `http://127.0.0.1:${port + MEDIA}`;
  }

  async ready() {
    const deadline = Date.now() + START;
    for (const url of [...this.urls, this.media]) {
      while (!(await isReady(url))) {
        if (this.end !== undefined) throw new Error(`the stack ended (${this.end}) while it was starting:\n${this.tail()}`);
        if (Date.now() > deadline) throw new Error(`${url} is not ready after ${START / 1000} s:\n${this.tail()}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** Stops it as an operator does; its log stays where `keep` says so. */
  async stop(keep) {
    const early = this.end;
    if (early === undefined) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP);
    const how = await this.ended;
    clearTimeout(timer);
    if (keep) rmSync(path.join(this.home, 'data'), { recursive: true, force: true });
    else rmSync(this.home, { recursive: true, force: true });
    if (early !== undefined) return `the stack ended by itself (${early})`;
    return how === 0 ? undefined : `the stack did not stop well (${how})`;
  }

  tail() {
    return readFileSync(this.log, 'utf8').split('\n').slice(-20).join('\n');
  }
}

/** Whether a service at `url` says that it is ready. */
export async function isReady(url) {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** A port that is free, as are those of the other services. */
async function freePort() {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const wanted = [...Array.from({ length: NODES }, (_, index) => port + index), port + MEDIA];
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return port;
  }
  throw new Error('no free ports between 20000 and 30000');
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
