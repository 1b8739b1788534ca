// Phones.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { member, newRoom, newUser } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { choose, photograph, pictureOf } from '../support/photograph.mjs';
import { Window } from '../support/window.mjs';

/** By how many pixels the page and the log are too wide. */
function overflow(window) {
  return window.page.evaluate(() => {
    const log = document.getElementById('log');
    return { page: document.documentElement.scrollWidth - innerWidth, log: log.scrollWidth - log.clientWidth };
  });
}

describe('narrow and dark', () => {
  for (const [width, height, colorScheme] of [[360, 640, 'dark'], [390, 844, 'light']]) {
    test(`fits ${width} pixels, ${colorScheme}`, async (t) => {
      const room = newRoom('narrow');
      const writer = await member(t, room, { user: newUser('Writer') });
      await writer.say(room, 'x'.repeat(900));
      await writer.say(room, `\`\`\`\n${'long line '.repeat(20)}\n\`\`\``);
      const ada = await Window.open(t, browser(), { look: { viewport: { width, height }, colorScheme, hasTouch: true } });
      await ada.enter('Ada');
      await ada.part('show-rooms').click();
      await ada.part('join-name').fill(room);
      await ada.part('join-name').press('Enter');
      await ada.part('message').nth(1).waitFor();
      await ada.say('from a phone');
      assert.deepEqual(await overflow(ada), { page: 0, log: 0 });
      await ada.picture(`phone-${width}-${colorScheme}`);
      for (const shape of [{ width: 1_000, height: 300 }, { width: 300, height: 1_000 }]) await choose(ada, await photograph(ada.page, `${shape.width}.jpg`, shape));
      await pictureOf(ada, '1000.jpg').waitFor();
      await pictureOf(ada, '300.jpg').waitFor();
      await ada.part('record').click();
      await ada.page.locator('[data-testid=recorder][data-state=recording]').waitFor();
      assert.deepEqual(await overflow(ada), { page: 0, log: 0 });
      await ada.picture(`phone-files-${width}-${colorScheme}`);
      await ada.part('recorder-discard').click();
      await pictureOf(ada, '300.jpg').getByRole('button').click();
      await ada.page.locator('[data-testid=viewer][data-state=shown]').waitFor();
      for (const name of ['Save picture', 'Close', 'Previous picture']) {
        const { x, width: wide } = await ada.part('viewer').getByLabel(name, { exact: true }).boundingBox();
        assert.ok(x >= 0 && x + wide <= width, `${name} is in view`);
      }
      await ada.page.keyboard.press('Escape');
      await ada.part('show-people').click();
      await ada.present('Ada', 'Writer');
      await ada.page.keyboard.press('Escape');
      await ada.part('show-people').and(ada.page.locator('[aria-expanded=false]')).waitFor();
    });
  }
});
