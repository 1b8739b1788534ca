// Messages that do not get through at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { pair } from '../support/pair.mjs';
import { NETWORK, Window } from '../support/window.mjs';
import { tapEvents } from '../support/wire-tap.mjs';

describe('a message that cannot be sent', () => {
  test('is tried again, then marked, and "Send again" uses the same id', async (t) => {
    const room = newRoom('failing');
    const { ada, bo } = await pair(t, room);
    const ids = [];
    let broken = true;
    await tapEvents(ada.page, (event, payload, answer) => {
      if (event !== 'chat-message') return false;
      ids.push(payload.clientMessageId);
      if (broken) answer({ status: 'error', code: 'unavailable', message: 'not stored', retryAfter: 1 });
      return broken;
    });
    // The tap holds for connections made from now on.
    await ada.page.reload();
    await ada.inside(room);
    await ada.write('stubborn');
    await ada.message('stubborn', 'failed').waitFor();
    assert.ok(ids.length > 1, 'it was tried more than once');
    broken = false;
    await ada.part('send-again').click();
    await ada.message('stubborn', 'stored').waitFor();
    await bo.message('stubborn').waitFor();
    assert.equal(new Set(ids).size, 1);
    await bo.say('fence');
    await ada.message('fence').waitFor();
    for (const window of [ada, bo]) assert.deepEqual(await window.texts(), ['stubborn', 'fence']);
  });

  test("for good is marked with the server's words, and can be discarded", async (t) => {
    const room = newRoom('refused');
    const ada = await Window.open(t, browser());
    await tapEvents(ada.page, (event, _, answer) => {
      if (event === 'chat-message') answer({ status: 'error', code: 'forbidden', message: 'you may only read here' });
      return event === 'chat-message';
    });
    await ada.arrive('Ada', room);
    await ada.write('may I?');
    await ada.part('failure').getByText('You may only read here.').waitFor();
    await ada.part('discard').click();
    await ada.message('may I?').waitFor({ state: 'detached' });
  });

  test('while offline waits, and is sent once on return', async (t) => {
    const room = newRoom('offline');
    const { ada, bo } = await pair(t, room, { expects: NETWORK });
    await ada.say('before');
    await ada.context.setOffline(true);
    await ada.standing('offline');
    await ada.write('meanwhile');
    await ada.message('meanwhile', 'pending').waitFor();
    await bo.say('missed');
    await ada.context.setOffline(false);
    await ada.standing('recovered');
    assert.equal(await ada.part('connection-state').textContent(), 'Recovered 1 message');
    await ada.message('meanwhile', 'stored').waitFor();
    await bo.message('meanwhile').waitFor();
    for (const window of [ada, bo]) assert.deepEqual(await window.texts(), ['before', 'missed', 'meanwhile']);
  });

  test('is kept over a reload', async (t) => {
    const room = newRoom('kept');
    const ada = await Window.open(t, browser(), { expects: NETWORK });
    let broken = true;
    await tapEvents(ada.page, (event) => broken && event === 'chat-message');
    await ada.arrive('Ada', room);
    await ada.write('unheard');
    await ada.message('unheard', 'pending').waitFor();
    broken = false;
    await ada.page.reload();
    await ada.message('unheard', 'stored').waitFor();
    assert.deepEqual(await ada.texts(), ['unheard']);
  });
});
