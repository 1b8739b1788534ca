// A browser compresses what it sends by itself, and reads what comes compressed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { Window } from '../support/window.mjs';

const ANSWER = /^permessage-deflate; server_no_context_takeover; client_no_context_takeover$/;

describe('compression', () => {
  test('is negotiated, and long and short messages arrive', async (t) => {
    const room = newRoom('compressed');
    const [ada, bo] = [await Window.open(t, browser()), await Window.open(t, browser(), { node: 1 })];
    const session = await ada.context.newCDPSession(ada.page);
    await session.send('Network.enable');
    const agreed = new Promise((resolve) =>
      session.on('Network.webSocketHandshakeResponseReceived', ({ response }) => resolve(response.headers)));
    await ada.arrive('Ada', room);
    await bo.arrive('Bo', room);
    const headers = Object.fromEntries(Object.entries(await agreed).map(([name, value]) => [name.toLowerCase(), value]));
    assert.match(headers['sec-websocket-extensions'], ANSWER);
    for (const text of ['short', 'again and again '.repeat(60).trim(), 'short again']) {
      await ada.say(text);
      await bo.message(text).waitFor();
      await bo.say(`${text}, says Bo`);
      await ada.message(`${text}, says Bo`).waitFor();
    }
  });
});
