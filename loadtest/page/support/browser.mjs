// A real Chromium, found on this machine.

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // A microphone that beeps, and nobody to ask for it.
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

let running = null;

/** Starts the one browser of this process. */
export async function launch() {
  running = await chromium.launch({ executablePath: executable(), args: FLAGS });
}

export async function quit() {
  await running?.close();
}

/** The browser that `launch` has started. */
export function browser() {
  return running;
}

function executable() {
  const folders = (process.env.PATH ?? '').split(':');
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (!found) throw new Error(`no browser on PATH; expected one of ${NAMES.join(', ')} (on Debian: apt-get install chromium)`);
  return found;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
