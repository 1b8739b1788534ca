// Voice notes, with the browser's own beeping microphone.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { pair } from '../support/pair.mjs';
import { Window } from '../support/window.mjs';

/** The recorder in a state. */
const recorder = (window, state) => window.page.locator(`[data-testid=recorder][data-state=${state}]`);
/** The player number so and so of the log, in a state where one is given. */
const player = (window, index, state) => window.page.locator(`#messages [data-testid=player]${state ? `[data-state=${state}]` : ''}`).nth(index);
/** Waits until so much time has passed on a clock of the page. */
const clock = (window, testId, seconds) => window.page.waitForFunction(([id, least]) => {
  const [minutes, rest] = document.querySelector(`[data-testid=${id}]`)?.textContent.split(':').map(Number) ?? [];
  return minutes * 60 + rest >= least;
}, [testId, seconds]);

async function record(window, seconds) {
  await window.part('record').click();
  await recorder(window, 'recording').waitFor();
  await clock(window, 'recorder-time', seconds);
  await window.part('recorder-stop').click();
  await recorder(window, 'ready').waitFor();
}

describe('voice notes', () => {
  test('are recorded, listened to, sent, and played by the other, who sees how long they are', async (t) => {
    const room = newRoom('voice');
    const { ada, bo } = await pair(t, room);
    await ada.part('composer').fill('a draft');
    await ada.part('record').click();
    await recorder(ada, 'recording').waitFor();
    await clock(ada, 'recorder-time', 3);
    const loud = () => ada.page.locator('.recorder .bars path').evaluate((path) => Math.max(...[...path.getAttribute('d').matchAll(/V([\d.]+)/g)].map(([, end]) => Number(end))));
    assert.ok((await loud()) > 0.6, 'the meter shows the beeps');
    await ada.picture('recording');
    await ada.part('recorder-stop').click();
    await recorder(ada, 'ready').waitFor();
    assert.equal(await ada.page.evaluate(() => document.activeElement.id), 'recorder-send');
    await recorder(ada, 'ready').getByTestId('play').click();
    await recorder(ada, 'ready').locator('[data-testid=player][data-state=playing]').waitFor();
    await ada.part('recorder-send').click();
    await ada.part('recorder').waitFor({ state: 'hidden' });
    assert.equal(await ada.part('composer').inputValue(), 'a draft');

    const note = player(bo, 0);
    await note.and(bo.page.locator('[aria-label^="Voice note, 3 seconds"], [aria-label^="Voice note, 4 seconds"]')).waitFor();
    await note.getByTestId('play').click();
    await player(bo, 0, 'playing').waitFor();
    const position = note.getByTestId('position');
    const at = async () => Number(await position.inputValue());
    // In one step: the note may have ended by the time of another.
    await bo.page.waitForFunction(() => {
      const there = document.querySelector('#messages [data-testid=position]').value >= 12;
      if (there) document.querySelector('#messages [data-testid=play][aria-label=Pause]').click();
      return there;
    }, undefined, { polling: 'raf' });
    await player(bo, 0, 'paused').waitFor();
    assert.match(await position.getAttribute('aria-valuetext'), /^[1-4] seconds? of [34] seconds$/);
    await bo.picture('playing');
    await position.focus();
    await bo.page.keyboard.press('Home');
    assert.equal(await at(), 0);
    await bo.page.keyboard.press('ArrowRight');
    assert.ok((await at()) > 0, 'moved by keyboard');
  });

  test('one plays at a time, to its end', async (t) => {
    const room = newRoom('voices');
    const { ada, bo } = await pair(t, room);
    for (const count of [1, 2]) {
      await record(ada, 2);
      await ada.part('recorder-send').click();
      await player(bo, count - 1).and(bo.page.locator('[aria-label*="seconds"]')).waitFor();
    }
    await player(bo, 0).getByTestId('play').click();
    await player(bo, 0, 'playing').waitFor();
    await player(bo, 1).getByTestId('play').click();
    await player(bo, 1).and(bo.page.locator('[data-state=playing]')).waitFor();
    await player(bo, 0).and(bo.page.locator('[data-state=paused]')).waitFor();
    await player(bo, 1).and(bo.page.locator('[data-state=paused]')).waitFor();
    assert.equal(await player(bo, 1).getByTestId('position').inputValue(), '0');
  });

  test('are discarded, and the microphone is let go', async (t) => {
    const room = newRoom('discarded');
    const ada = await Window.open(t, browser());
    await ada.arrive('Ada', room);
    await ada.page.evaluate(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (what) => (window.microphone = await ask(what));
    });
    await record(ada, 1);
    assert.equal(await ada.page.evaluate(() => window.microphone.getTracks()[0].readyState), 'ended');
    await ada.part('recorder-discard').click();
    await ada.part('recorder').waitFor({ state: 'hidden' });
    await ada.say('fence');
    assert.equal(await ada.part('player').count(), 0);
  });

  test('without permission, or over plain http: said in words', async (t) => {
    const ada = await Window.open(t, browser());
    await ada.arrive('Ada', newRoom('mute'));
    await ada.page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await ada.part('record').click();
    await recorder(ada, 'problem').getByText('This page may not use the microphone.').waitFor();
    await ada.picture('no-microphone');
    await ada.part('recorder-discard').click();
    await ada.part('recorder').waitFor({ state: 'hidden' });
    assert.equal(await ada.page.evaluate(() => document.activeElement.id), 'composer-text');
  });
});
