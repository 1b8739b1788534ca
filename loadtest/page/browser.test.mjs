// The page in a real browser, against two real nodes. One file, so that the browser is started once and nothing
// runs beside the restarts, which come last.

import { after, before } from 'node:test';

import { launch, quit } from './support/browser.mjs';

before(launch);
after(quit);

await import('./browser/talk.mjs');
await import('./browser/compressed.mjs');
await import('./browser/history.mjs');
await import('./browser/markup.mjs');
await import('./browser/sending.mjs');
await import('./browser/files.mjs');
await import('./browser/files-failing.mjs');
await import('./browser/pictures.mjs');
await import('./browser/voice.mjs');
await import('./browser/arrival.mjs');
await import('./browser/keyboard.mjs');
await import('./browser/narrow.mjs');
await import('./browser/administration.mjs');
await import('./browser/restart.mjs');
