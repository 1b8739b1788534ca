// What was said before: scrolled up to, reloaded, unread.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { member, newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { numbered } from '../support/pair.mjs';
import { Window } from '../support/window.mjs';

describe('history', () => {
  test('comes by scrolling up, without moving what one reads, and after a reload', async (t) => {
    const room = newRoom('history');
    const writer = await member(t, room);
    const all = numbered('entry', 130);
    for (const text of all) await writer.say(room, text);
    const ada = await Window.open(t, browser(), { node: 1 });
    await ada.arrive('Ada', room);
    await ada.message('entry 130').waitFor();
    assert.deepEqual(await ada.texts(), all.slice(-50));

    const moved = await scrollUpFor(ada, 'entry 81');
    assert.ok(moved < 2, `the place moved under the eyes by ${moved} pixels`);
    while (!(await ada.texts()).includes('entry 1')) await scrollUpFor(ada, (await ada.texts())[0]);
    assert.deepEqual(await ada.texts(), all);
    await ada.page.locator('[data-testid=load-older][data-state=beginning]').waitFor();

    await writer.say(room, 'news');
    await ada.part('jump').getByText('1 new message').click();
    await ada.message('news').waitFor();
    await ada.part('jump').waitFor({ state: 'hidden' });

    await ada.page.reload();
    await ada.inside(room);
    await ada.message('news').waitFor();
    assert.deepEqual(await ada.texts(), [...all, 'news'].slice(-50));
  });

  /** Scrolls to the oldest message, waits for older ones, and tells how far it moved, in pixels. */
  async function scrollUpFor(window, oldest) {
    const before = await window.message(oldest).evaluate((item) => {
      item.scrollIntoView({ block: 'start' });
      return item.querySelector('.text').getBoundingClientRect().top;
    });
    await window.page.waitForFunction((text) => document.querySelector('[data-testid=message] .text').textContent !== text, oldest);
    const after = await window.message(oldest).evaluate((item) => item.querySelector('.text').getBoundingClientRect().top);
    return Math.abs(after - before);
  }

  test('unread messages of another room are counted, and marked on arrival', async (t) => {
    const [here, there] = [newRoom('here'), newRoom('there')];
    const ada = await Window.open(t, browser());
    await ada.arrive('Ada', there);
    await ada.join(here);
    const writer = await member(t, there, { node: 1 });
    for (const text of numbered('note', 3)) await writer.say(there, text);
    const listed = ada.page.locator(`[data-testid=room][data-room="${there}"]`);
    await listed.getByTestId('unread').getByText('3').waitFor();
    await listed.getByRole('button', { name: there, exact: false }).first().click();
    await ada.page.locator('.divider.new').waitFor();
    await ada.message('note 3').waitFor();
    await listed.getByTestId('unread').getByText('3').waitFor({ state: 'hidden' });
  });
});
