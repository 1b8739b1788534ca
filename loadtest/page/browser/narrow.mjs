// Phones.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { member, newRoom, newUser } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { Window } from '../support/window.mjs';

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
      const overflow = await ada.page.evaluate(() => {
        const log = document.getElementById('log');
        return { page: document.documentElement.scrollWidth - innerWidth, log: log.scrollWidth - log.clientWidth };
      });
      assert.deepEqual(overflow, { page: 0, log: 0 });
      await ada.picture(`phone-${width}-${colorScheme}`);
      await ada.part('show-people').click();
      await ada.present('Ada', 'Writer');
      await ada.page.keyboard.press('Escape');
      await ada.part('show-people').and(ada.page.locator('[aria-expanded=false]')).waitFor();
    });
  }
});
