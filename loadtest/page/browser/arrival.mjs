// The way in: names, tokens, refusals.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { token } from '../../e2e/support/stack.mjs';
import { browser } from '../support/browser.mjs';
import { Window } from '../support/window.mjs';
import { refuseConnections } from '../support/wire-tap.mjs';

describe('the way in', () => {
  test('a deployment without a login of its own takes a token', async (t) => {
    const ada = await Window.open(t, browser(), { expects: /status of 404/ });
    await ada.page.route('**/dev/token', (route) => route.fulfill({ status: 404 }));
    await ada.visit();
    await ada.part('login-name').fill('Ada');
    await ada.part('enter').click();
    await ada.part('login-token').fill('nonsense');
    await ada.part('enter-with-token').click();
    await ada.part('login-problem').getByText('not a token').waitFor();
    await ada.part('login-token').fill(await token({ userId: 'u-pasted', username: 'Pasted Ada' }));
    await ada.part('enter-with-token').click();
    await ada.standing('connected');
    assert.equal(await ada.part('self-name').textContent(), 'Pasted Ada');
  });

  test('a token in the address lets one in, and leaves the address', async (t) => {
    const ada = await Window.open(t, browser());
    await ada.visit(`#token=${await token({ userId: 'u-linked', username: 'Linked Ada' })}`);
    await ada.standing('connected');
    assert.equal(new URL(ada.page.url()).hash, '');
    assert.equal(await ada.part('self-name').textContent(), 'Linked Ada');
  });

  test('a token that ran out is renewed once', async (t) => {
    const ada = await Window.open(t, browser());
    let asked = 0;
    ada.page.on('request', (request) => (asked += request.url().endsWith('/dev/token') ? 1 : 0));
    await refuseConnections(ada.page, 1, 'Invalid or expired token');
    await ada.enter('Ada');
    assert.equal(asked, 2);
  });

  test('a token that is refused again leads back to the name, with a sentence', async (t) => {
    const ada = await Window.open(t, browser());
    await refuseConnections(ada.page, 2, 'Invalid or expired token');
    await ada.visit();
    await ada.part('login-name').fill('Ada');
    await ada.part('enter').click();
    await ada.part('login-problem').getByText('Your session has ended').waitFor();
    assert.equal(await ada.part('login-name').inputValue(), 'Ada');
  });

  test('an empty name is asked for', async (t) => {
    const ada = await Window.open(t, browser());
    await ada.visit();
    await ada.part('enter').click();
    await ada.part('login-problem').getByText('Write the name').waitFor();
  });
});
