// Files that do not get through at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { pair } from '../support/pair.mjs';
import { choose, LARGE, names, photograph, pictureOf, slowDown } from '../support/photograph.mjs';
import { NETWORK, Window } from '../support/window.mjs';
import { cutAtFile } from '../support/wire-tap.mjs';

/** Large enough for the direct way. */
const MEDIUM = { width: 2_000, height: 1_500, noise: 100, quality: 0.9 };

describe('a file that cannot be sent', () => {
  test('for a moment is tried again by itself', async (t) => {
    const room = newRoom('again');
    const { ada, bo } = await pair(t, room, { expects: NETWORK });
    const photo = await photograph(ada.page, 'stubborn.jpg', MEDIUM);
    let posts = 0;
    // Each step fails once: the ticket, the bytes, the completion after it has been done.
    await ada.page.route('**/media/uploads', (route) => route.abort(), { times: 1 });
    await ada.page.route(/\/starling-media$/, (route) => ((posts += 1) === 1 ? route.abort() : route.continue()));
    await ada.page.route('**/complete', async (route) => {
      await route.fetch();
      await route.abort();
    }, { times: 1 });
    await choose(ada, photo);
    await pictureOf(bo, 'stubborn.jpg').waitFor();
    await pictureOf(ada, 'stubborn.jpg').waitFor();
    assert.equal(posts, 2);
    await ada.say('last');
    await bo.message('last').waitFor();
    for (const window of [ada, bo]) assert.deepEqual(await names(window), ['stubborn.jpg']);
    await ada.part('progress').waitFor({ state: 'detached' });
  });

  test("for good is marked with the server's words, and sent when a person says so", async (t) => {
    const room = newRoom('refused');
    const { ada, bo } = await pair(t, room, { expects: /status of 403/ });
    const failure = { status: 'error', code: 'forbidden', message: 'you may not upload now' };
    await ada.page.route('**/media/uploads', (route) => route.fulfill({ status: 403, json: failure, headers: { 'access-control-allow-origin': '*' } }), { times: 1 });
    await choose(ada, await photograph(ada.page, 'held up.jpg', MEDIUM));
    await ada.part('failure').getByText('held up.jpg was not sent. You may not upload now.').waitFor();
    await ada.picture('file-failed');
    await ada.part('send-again').click();
    await pictureOf(bo, 'held up.jpg').waitFor();
    await ada.part('failure').waitFor({ state: 'detached' });
  });

  test('for what it is can only be discarded', async (t) => {
    const room = newRoom('odd');
    const ada = await Window.open(t, browser());
    await ada.arrive('Ada', room);
    await choose(ada, { name: 'odd.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture at all') });
    await ada.part('failure').getByText('odd.jpg was not sent.').waitFor();
    assert.equal(await ada.part('send-again').count(), 0);
    await ada.part('discard').click();
    await ada.part('failure').waitFor({ state: 'detached' });
    assert.equal(await ada.page.evaluate(() => document.activeElement.id), 'composer-text');
  });

  test('is cancelled: the upload ends, and nobody sees it', async (t) => {
    const room = newRoom('cancelled');
    const { ada, bo } = await pair(t, room, { expects: NETWORK });
    const photo = await photograph(ada.page, 'wrong one.jpg', LARGE);
    await slowDown(ada, 300_000);
    const ended = ada.page.waitForEvent('requestfailed', (request) => /starling-media$/.test(request.url()));
    await choose(ada, photo);
    await ada.page.waitForFunction(() => Number(document.querySelector('[data-testid=progress]')?.dataset.part) > 0);
    await ada.picture('uploading');
    await ada.part('cancel').click();
    await ended;
    await ada.part('picture').waitFor({ state: 'detached' });
    await ada.say('never mind');
    await bo.message('never mind').waitFor();
    assert.equal(await bo.part('picture').count(), 0);
  });

  test('as the connection is lost: one that arrived is found, one that did not is sent again', async (t) => {
    for (const delivered of [true, false]) {
      const room = newRoom('cut');
      const bo = await Window.open(t, browser(), { node: 1 });
      await bo.arrive('Bo', room);
      const ada = await Window.open(t, browser(), { expects: NETWORK });
      await cutAtFile(ada.page, delivered);
      await ada.arrive('Ada', room);
      await choose(ada, await photograph(ada.page, 'cut off.jpg'));
      if (!delivered) await ada.part('progress').getByText('Looking whether it arrived').waitFor();
      await pictureOf(ada, 'cut off.jpg').waitFor();
      await pictureOf(bo, 'cut off.jpg').waitFor();
      await ada.part('progress').waitFor({ state: 'detached' });
      await ada.say('last');
      await bo.message('last').waitFor();
      for (const window of [ada, bo]) assert.deepEqual(await names(window), ['cut off.jpg'], `delivered: ${delivered}`);
    }
  });

  test('large, where the server names no place for it, is refused in words', async (t) => {
    const room = newRoom('no-media');
    const ada = await Window.open(t, browser());
    await ada.page.route('**/config.json', (route) => route.fulfill({ json: {} }));
    await ada.arrive('Ada', room);
    await choose(ada, await photograph(ada.page, 'too much.jpg', MEDIUM));
    await ada.part('refusals').getByText('This server takes files of up to 1 MB.').waitFor();
  });
});
