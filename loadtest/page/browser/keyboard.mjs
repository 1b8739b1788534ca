// Everything by keyboard.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { pair } from '../support/pair.mjs';
import { Window } from '../support/window.mjs';

describe('by keyboard', () => {
  test('Enter sends, Shift+Enter does not, Alt and arrows change rooms, the skip link skips', async (t) => {
    const [first, second] = [newRoom('a'), newRoom('b')];
    const ada = await Window.open(t, browser());
    await ada.arrive('Ada', first);
    await ada.join(second);
    const { keyboard } = ada.page;
    await keyboard.type('one');
    await keyboard.press('Shift+Enter');
    await keyboard.type('two');
    await keyboard.press('Enter');
    await ada.page.locator('[data-testid=message][data-state=stored]').waitFor();
    assert.deepEqual(await ada.texts(), ['one\ntwo']);
    await keyboard.type('draft');
    await keyboard.press('Alt+ArrowUp');
    await ada.inside(first);
    assert.equal(await ada.part('composer').inputValue(), '');
    await keyboard.press('Alt+ArrowDown');
    await ada.inside(second);
    assert.equal(await ada.part('composer').inputValue(), 'draft');
    await ada.page.locator('.skip').focus();
    await keyboard.press('Enter');
    await keyboard.type(' done');
    assert.equal(await ada.part('composer').inputValue(), 'draft done');
  });

  test('a room is left, and the focus stays in the list', async (t) => {
    const room = newRoom('left');
    const { ada, bo } = await pair(t, room);
    await ada.present('Ada', 'Bo');
    await bo.page.getByRole('button', { name: `Leave ${room}` }).click();
    await ada.present('Ada');
    assert.equal(await bo.page.locator(`[data-room="${room}"]`).count(), 0);
    assert.equal(await bo.page.evaluate(() => document.activeElement.closest('nav')?.id), 'rooms');
  });
});
