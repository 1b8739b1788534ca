// A node goes away and comes back. Disturbs everyone on it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { restart } from '../../e2e/support/stack.mjs';
import { numbered, pair } from '../support/pair.mjs';
import { NETWORK } from '../support/window.mjs';

describe('a node that is restarted', () => {
  test('while people talk: nothing is lost, nothing comes twice', async (t) => {
    const room = newRoom('restart');
    const { ada, bo } = await pair(t, room, { expects: NETWORK });
    await ada.say('before');
    const lost = ada.standing('reconnecting', 'offline');
    const restarted = restart('node', ada.node);
    await lost;
    const sent = numbered('meanwhile', 5);
    for (const text of sent) await bo.say(text);
    await ada.write('from the one who was cut off');
    await restarted;
    for (const window of [ada, bo]) await window.message('from the one who was cut off', 'stored').waitFor();
    await ada.standing('recovered', 'connected');
    await bo.say('after');
    await ada.message('after').waitFor();
    assert.deepEqual(await ada.messages(), await bo.messages());
    assert.deepEqual((await ada.texts()).filter((text) => text !== 'from the one who was cut off'), ['before', ...sent, 'after']);
    assert.equal((await ada.texts()).length, sent.length + 3);
    await ada.present('Ada', 'Bo');
    await bo.present('Ada', 'Bo');
  });

  test('while one is away: what was missed is recovered, and said so', async (t) => {
    const room = newRoom('away');
    const { ada, bo } = await pair(t, room, { expects: NETWORK });
    await ada.say('before');
    await ada.context.setOffline(true);
    await ada.standing('offline');
    for (const text of numbered('missed', 4)) await bo.say(text);
    await restart('node', ada.node);
    await ada.context.setOffline(false);
    await ada.standing('recovered');
    assert.equal(await ada.part('connection-state').textContent(), 'Recovered 4 messages');
    assert.deepEqual(await ada.texts(), ['before', ...numbered('missed', 4)]);
    await ada.picture('recovered');
  });
});
