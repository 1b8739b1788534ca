// Files between two windows: chosen, pasted, dropped; by the socket and past the nodes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { pair } from '../support/pair.mjs';
import { browser } from '../support/browser.mjs';
import { carried, choose, LARGE, names, photograph, pictureOf, slowDown } from '../support/photograph.mjs';
import { Window } from '../support/window.mjs';

/** Paths of the requests to the media worker from now on. */
function asked(window) {
  const paths = [];
  window.page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (request.method() === 'POST' && pathname.startsWith('/media/')) paths.push(pathname.replace(/uploads\/.+\//, 'uploads/*/'));
  });
  return paths;
}

describe('files', () => {
  test('a photograph of some 8 MB goes past the node, tells how far it is, and stands in its place', async (t) => {
    const room = newRoom('large');
    const { ada, bo } = await pair(t, room);
    const paths = asked(ada);
    const photo = await photograph(ada.page, 'harbour.jpg', LARGE);
    assert.ok(photo.buffer.length > 7_000_000 && photo.buffer.length < 10 * 1024 * 1024, `${photo.buffer.length} bytes`);
    await slowDown(ada, 6_000_000);
    await ada.page.evaluate(() => {
      window.parts = [];
      new MutationObserver(() => {
        const { part } = document.querySelector('[data-testid=progress]')?.dataset ?? {};
        if (part && window.parts.at(-1) !== Number(part)) window.parts.push(Number(part));
      }).observe(document.getElementById('messages'), { subtree: true, childList: true, attributes: true });
    });
    await choose(ada, photo);
    const before = await pictureOf(ada, 'harbour.jpg', 'local').boundingBox();
    await pictureOf(bo, 'harbour.jpg').waitFor();
    await pictureOf(ada, 'harbour.jpg').waitFor();
    assert.deepEqual(paths, ['/media/uploads', '/media/uploads/*/complete']);
    const parts = await ada.page.evaluate(() => window.parts);
    assert.ok(parts.some((part) => part > 0 && part < 100), `told ${parts}`);
    assert.deepEqual(parts, [...parts].sort((a, b) => a - b));
    const after = await pictureOf(ada, 'harbour.jpg').boundingBox();
    assert.deepEqual([after.width, after.height], [before.width, before.height]);
    assert.equal(Math.round(after.width / after.height * 100), 133);
    await ada.part('file-news').getByText('harbour.jpg is sent.').waitFor();
    await bo.picture('photograph');
  });

  test('a small picture goes by the socket, and the log stays at its end', async (t) => {
    const room = newRoom('small');
    const { ada, bo } = await pair(t, room);
    const paths = asked(ada);
    for (let line = 0; line < 12; line += 1) await bo.say(`line ${line}`);
    await choose(ada, await photograph(ada.page, 'pond.jpg'));
    for (const window of [ada, bo]) {
      await pictureOf(window, 'pond.jpg').waitFor();
      const below = await window.part('log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
      assert.ok(below <= 1, `${below} pixels below the end`);
    }
    assert.deepEqual(paths, []);
    await ada.page.reload();
    await ada.inside(room);
    await pictureOf(ada, 'pond.jpg').waitFor();
  });

  test('several at once stand side by side, in the order of choosing', async (t) => {
    const room = newRoom('album');
    const { ada, bo } = await pair(t, room);
    const looks = [['one.jpg', {}], ['two.jpg', { width: 600, height: 800 }], ['three.jpg', { width: 900, height: 400 }]];
    const photos = [];
    for (const [index, [name, look]] of looks.entries()) photos.push(await photograph(ada.page, name, { hue: index * 90, ...look }));
    await choose(ada, ...photos);
    for (const [name] of looks) for (const window of [ada, bo]) await pictureOf(window, name).waitFor();
    for (const window of [ada, bo]) {
      assert.deepEqual(await names(window), looks.map(([name]) => name));
      assert.equal(await window.part('album').count(), 1);
      const tops = await window.part('tile').evaluateAll((tiles) => tiles.map((tile) => tile.getBoundingClientRect().top));
      assert.equal(new Set(tops).size, 1, `in one line: ${tops}`);
    }
    await bo.picture('album');
  });

  test('a picture is pasted; text beside a picture is text', async (t) => {
    const room = newRoom('paste');
    const { ada, bo } = await pair(t, room);
    const paste = async (withText) => {
      const carrier = await carried(ada, [await photograph(ada.page, 'image.jpg')]);
      return ada.part('composer').evaluate((field, [clipboardData, text]) => {
        if (text) clipboardData.setData('text/plain', 'words');
        return field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      }, [carrier, withText]);
    };
    assert.equal(await paste(true), true, 'left to the field');
    assert.equal(await paste(false), false);
    await pictureOf(bo, 'Pasted picture.jpg').waitFor();
    await ada.say('last');
    await bo.message('last').waitFor();
    assert.equal(await bo.part('picture').count(), 1);
  });

  test('files are dropped on the conversation, which says so, and nowhere else', async (t) => {
    const room = newRoom('drop');
    const { ada, bo } = await pair(t, room);
    const carrier = await carried(ada, [await photograph(ada.page, 'dropped.jpg')]);
    const over = (target) => ada.page.locator(target).dispatchEvent('dragover', { dataTransfer: carrier });
    await over('#log');
    await ada.part('drop').getByText(`Drop to send to ${room}`).waitFor();
    await ada.picture('drop');
    await ada.page.locator('#rooms').dispatchEvent('drop', { dataTransfer: carrier });
    await ada.part('drop').waitFor({ state: 'hidden' });
    assert.equal(await ada.part('picture').count(), 0);
    await over('#log');
    await ada.page.locator('#log').dispatchEvent('drop', { dataTransfer: carrier });
    await pictureOf(bo, 'dropped.jpg').waitFor();
    await ada.part('drop').waitFor({ state: 'hidden' });
  });

  test('what cannot be sent is refused in words, at once; the others go', async (t) => {
    const room = newRoom('refused');
    const ada = await Window.open(t, browser());
    await ada.arrive('Ada', room);
    const odd = (name, mimeType, size) => ({ name, mimeType, buffer: Buffer.alloc(size) });
    await choose(ada, odd('notes.txt', 'text/plain', 5), odd('huge.png', 'image/png', 10 * 1024 * 1024 + 1), odd('void.png', 'image/png', 0), await photograph(ada.page, 'fine.jpg'));
    await pictureOf(ada, 'fine.jpg').waitFor();
    const words = await ada.part('refusals').locator('p').allTextContents();
    assert.deepEqual(words.map((text) => /“(.+)”/.exec(text)[1]), ['notes.txt', 'huge.png', 'void.png']);
    assert.equal(await ada.part('refusals').getAttribute('role'), 'alert');
    assert.deepEqual(await names(ada), ['fine.jpg']);
    await ada.picture('refusals');
    await ada.part('refusals').getByRole('button', { name: 'Dismiss' }).click();
    await ada.part('refusals').waitFor({ state: 'hidden' });
  });
});
