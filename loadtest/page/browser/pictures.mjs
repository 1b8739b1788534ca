// Pictures that have arrived: loading, failing to load, looked at in full.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { member, newRoom } from '../../e2e/support/client.mjs';
import { picture, queueFile } from '../../e2e/support/files.mjs';
import { browser } from '../support/browser.mjs';
import { names, pictureOf } from '../support/photograph.mjs';
import { NETWORK, Window } from '../support/window.mjs';

/** A room in which pictures with these names are stored. */
async function gallery(t, ...files) {
  const room = newRoom('gallery');
  const writer = await member(t, room);
  for (const [seed, filename] of files.entries()) {
    const mediaId = await queueFile(writer, picture(240, 180, seed + 1), { room, filename });
    await writer.event('file-message', (message) => message.mediaId === mediaId);
  }
  return room;
}

const active = (window) => window.page.evaluate(() => document.activeElement.querySelector('img')?.alt ?? document.activeElement.id);

describe('pictures', () => {
  test('keep their place while they load: first a blur of them', async (t) => {
    const room = await gallery(t, 'slow.png');
    const ada = await Window.open(t, browser());
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    await ada.page.route('**/media/*/*', async (route) => {
      await held;
      await route.continue();
    });
    await ada.arrive('Ada', room);
    const loading = pictureOf(ada, 'slow.png', 'loading');
    await loading.locator('canvas').waitFor();
    const painted = await loading.locator('canvas').evaluate((canvas) => canvas.getContext('2d').getImageData(16, 16, 1, 1).data[3]);
    assert.equal(painted, 255);
    const before = await loading.boundingBox();
    letGo();
    await pictureOf(ada, 'slow.png').waitFor();
    assert.deepEqual(await pictureOf(ada, 'slow.png').boundingBox(), before);
    await pictureOf(ada, 'slow.png').locator('canvas').waitFor({ state: 'detached' });
  });

  test('that do not load say so, and load when asked again', async (t) => {
    const room = await gallery(t, 'lost.png');
    const ada = await Window.open(t, browser(), { expects: NETWORK });
    await ada.enter('Ada');
    await ada.page.route('**/media/*/*', (route) => route.abort(), { times: 1 });
    await ada.join(room);
    const broken = pictureOf(ada, 'lost.png', 'broken');
    await broken.getByText('lost.png did not load.').waitFor();
    await broken.getByTestId('load-again').click();
    await pictureOf(ada, 'lost.png').waitFor();
  });

  test('are looked at in full by keyboard, one after the other, and saved', async (t) => {
    const room = await gallery(t, 'first.png', 'second.png', 'third.png');
    const ada = await Window.open(t, browser());
    await ada.arrive('Ada', room);
    for (const name of ['first.png', 'second.png', 'third.png']) await pictureOf(ada, name).waitFor();
    assert.deepEqual(await names(ada), ['first.png', 'second.png', 'third.png']);
    await pictureOf(ada, 'second.png').getByRole('button').focus();
    const { keyboard } = ada.page;
    await keyboard.press('Enter');
    const viewer = ada.part('viewer');
    const inFull = async (name) => {
      await viewer.and(ada.page.locator('[data-state=shown]')).getByRole('heading', { name }).waitFor();
      return ada.part('viewer-image').evaluate((image) => [image.alt, image.naturalWidth]);
    };
    assert.deepEqual(await inFull('second.png'), ['second.png', 240]);
    await ada.picture('viewer');
    await keyboard.press('ArrowRight');
    assert.deepEqual(await inFull('third.png'), ['third.png', 240]);
    await keyboard.press('ArrowRight');
    await keyboard.press('ArrowLeft');
    await keyboard.press('ArrowLeft');
    assert.deepEqual(await inFull('first.png'), ['first.png', 240]);
    const [saved] = await Promise.all([ada.page.waitForEvent('download'), ada.part('viewer-download').click()]);
    assert.equal(saved.suggestedFilename(), 'first.jpg');
    await keyboard.press('Escape');
    await viewer.waitFor({ state: 'hidden' });
    assert.equal(await active(ada), 'second.png', 'where one was');
  });
});
