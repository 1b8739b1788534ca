// Two people on two nodes: the same messages, presence, typing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { numbered, pair } from '../support/pair.mjs';
import { Window } from '../support/window.mjs';

describe('two windows on two nodes', () => {
  test('see the same messages in the same order', async (t) => {
    const room = newRoom('talk');
    const { ada, bo } = await pair(t, room);
    await Promise.all([ada.present('Ada', 'Bo'), bo.present('Ada', 'Bo')]);
    for (const text of numbered('turn', 3)) {
      await ada.say(`${text} of Ada`);
      await bo.say(`${text} of Bo`);
    }
    // Both at once: whatever order the log gives them is the order for both.
    await Promise.all([ada, bo].map(async (window) => {
      for (const text of numbered('at once', 5)) await window.write(`${text} by ${window.name}`);
    }));
    for (const window of [ada, bo]) {
      for (const text of numbered('at once', 5)) {
        for (const name of ['Ada', 'Bo']) await window.message(`${text} by ${name}`, 'stored').waitFor();
      }
    }
    const [seenByAda, seenByBo] = [await ada.messages(), await bo.messages()];
    assert.deepEqual(seenByAda, seenByBo);
    assert.equal(seenByAda.length, 16);
    const seqs = seenByAda.map(({ seq }) => seq);
    assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
    assert.deepEqual((await ada.texts()).slice(0, 2), ['turn 1 of Ada', 'turn 1 of Bo']);
    await ada.picture('two-windows');
  });

  test('who closes the window is no longer here', async (t) => {
    const room = newRoom('here');
    const { ada, bo } = await pair(t, room);
    await ada.present('Ada', 'Bo');
    await bo.page.close();
    await ada.present('Ada');
  });

  test('two names in one browser are two people, and a reload is the same one', async (t) => {
    const room = newRoom('profile');
    const ada = await Window.open(t, browser());
    const bo = await Window.open(t, browser(), { profile: ada.context, node: 0 });
    await ada.arrive('Ada', room);
    await bo.arrive('Bo', room);
    await ada.present('Ada', 'Bo');
    await bo.page.reload();
    await bo.inside(room);
    await bo.present('Ada', 'Bo');
    assert.equal(await bo.part('self-name').textContent(), 'Bo');
  });

  test('see each other typing, until the message comes', async (t) => {
    const room = newRoom('typing');
    const { ada, bo } = await pair(t, room);
    await bo.part('composer').pressSequentially('hm');
    await ada.part('typing').getByText('Bo is typing').waitFor();
    await bo.write('hm, yes');
    await ada.message('hm, yes', 'stored').waitFor();
    await ada.part('typing').getByText('Bo is typing').waitFor({ state: 'hidden' });
  });
});
