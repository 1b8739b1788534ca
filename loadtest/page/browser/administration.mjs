// The administrators' page, and what the chat page shows of what they do.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Client, connect, member, newRoom, newUser } from '../../e2e/support/client.mjs';
import { nodes, token } from '../../e2e/support/stack.mjs';
import { browser } from '../support/browser.mjs';
import { pair } from '../support/pair.mjs';
import { NETWORK, Window } from '../support/window.mjs';

/** A window with the administrators' desk. */
async function desk(t, options = {}) {
  const root = await Window.open(t, browser(), options);
  await root.visit('admin.html');
  await root.part('login-name').fill('Root');
  await root.part('enter').click();
  await root.standing('connected');
  return root;
}

/** Waits until a node lets a user in. */
async function admitted(t, userId, node) {
  const client = new Client({ userId }, { node, auth: { token: await token({ userId, username: 'Bo' }) } });
  t.after(() => client.end());
  while (!client.socket.connected) await client.connected().catch(() => {});
  client.end();
}

/** What the desk says came of the last order. */
async function outcome(root, form, state, words) {
  await root.page.locator(`[data-testid=${form}-outcome][data-state=${state}]`).getByText(words).waitFor();
}

/** Announces, and writes `next` before the answer is known. */
async function announce(root, content, next) {
  const deeds = root.part('deeds').locator('li');
  const before = await deeds.count();
  await root.part('announce-text').fill(content);
  await root.part('announce').click();
  await root.part('confirm-send').click();
  if (next !== undefined) await root.part('announce-text').fill(next);
  // The outcome may be that of the one before, until this is drawn.
  await deeds.nth(before).waitFor();
  await outcome(root, 'announce', 'good', `on ${nodes.length} nodes`);
}

/** The user id of a person, as the list of people shows it. */
async function userIdOf(window, name) {
  const title = await window.part('person').locator('.person-name').getByText(name, { exact: true }).getAttribute('title');
  return /\(user id (.+)\)$/.exec(title)[1];
}

const banner = (window, content) => window.part('announcement').filter({ hasText: content });
const strip = (window, words) => window.part('strip').getByText(words);

/** Counts the connections that a page opens from now on. */
function connections(window) {
  const count = { opened: 0 };
  window.page.on('websocket', () => (count.opened += 1));
  return count;
}

describe('an administrator', () => {
  test('announces to everybody, after a look at it; each dismisses it', async (t) => {
    const room = newRoom('announced');
    const [{ ada, bo }, root] = [await pair(t, room), await desk(t)];
    const content = `Maintenance at noon.\nSee https://example.org/${room} <b>now</b>`;
    await root.part('announce-text').fill(content);
    await root.part('announce').click();
    assert.equal(await root.part('confirm-words').textContent(), content);
    await root.part('confirm-reach').getByText(/\d+ connections on 2 nodes/).waitFor();
    await root.picture('admin-confirm');
    await root.page.keyboard.press('Escape');
    assert.equal(await root.part('announce-text').inputValue(), content);
    await announce(root, content);
    assert.equal(await root.part('announce-text').inputValue(), '');
    for (const window of [ada, bo]) {
      await banner(window, 'Announcement from Root').waitFor();
      assert.equal(await banner(window, room).locator('.announcement-words').textContent(), content);
      assert.equal(await window.page.getByRole('alert').filter({ hasText: room }).count(), 1);
    }
    const [first, second] = [`First ${room}`, `Second ${room}`];
    await announce(root, first);
    await announce(root, second, 'Third');
    assert.equal(await root.part('announce-text').inputValue(), 'Third', 'what was not sent is not taken away');
    await banner(ada, second).waitFor();
    await ada.picture('announcements');
    await ada.page.setViewportSize({ width: 360, height: 640 });
    await ada.picture('announcements-narrow');
    await ada.page.setViewportSize({ width: 1_280, height: 800 });
    await ada.part('room-list').getByText('general').click();
    await banner(ada, first).waitFor();
    await banner(ada, first).getByLabel('Dismiss announcement').click();
    await banner(ada, first).waitFor({ state: 'detached' });
    await banner(ada, second).waitFor();
    await banner(bo, first).waitFor();
    assert.ok(await ada.part('composer').evaluate((field) => field === document.activeElement));
  });

  test('cannot announce nothing', async (t) => {
    const root = await desk(t);
    await root.part('announce-text').fill('  ');
    await root.part('announce').click();
    await outcome(root, 'announce', 'failed', 'Write what everybody is to read.');
    await root.part('confirm').waitFor({ state: 'hidden' });
  });

  test('kicks a user, whose page says so and waits to be told', async (t) => {
    const room = newRoom('kicked');
    const [{ ada, bo }, root] = [await pair(t, room), await desk(t)];
    await ada.present('Ada', 'Bo');
    await root.part('user-id').fill(await userIdOf(ada, 'Bo'));
    await root.part('user-reason').fill('a test');
    await root.part('kick').click();
    await outcome(root, 'user', 'good', /^1 connection of .* ended, on 2 nodes asked/);
    await bo.standing('ended');
    await strip(bo, 'You were disconnected by an administrator: a test.').waitFor();
    await bo.picture('kicked');
    await ada.present('Ada');
    const count = connections(bo);
    await bo.write('written while away');
    // What makes a lost connection come back at once does not bring back who was sent away.
    await bo.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await strip(bo, 'You were disconnected').waitFor();
    await bo.page.getByRole('button', { name: 'Try again' }).click();
    await bo.message('written while away', 'stored').waitFor();
    await bo.standing('connected', 'recovered');
    assert.equal(count.opened, 1);
    await bo.part('strip').waitFor({ state: 'hidden' });
    await ada.message('written while away').waitFor();
  });

  test('bans a user, who stays out until the ban is lifted', async (t) => {
    const room = newRoom('banned');
    const [{ ada, bo }, root] = [await pair(t, room), await desk(t, { node: 1 })];
    await ada.present('Ada', 'Bo');
    const userId = await userIdOf(ada, 'Bo');
    await root.part('user-id').fill(userId);
    await root.part('user-reason').fill('a test');
    await root.part('ban-length').selectOption({ label: 'an hour' });
    await root.part('ban').click();
    await outcome(root, 'user', 'good', new RegExp(`^${userId} is banned until \\w+`));
    await bo.standing('ended');
    await strip(bo, /^You are banned until \w+, .*: a test\. /).waitFor();
    await ada.present('Ada');
    await root.part('ban-length').selectOption({ label: 'until lifted' });
    await root.part('ban').click();
    await outcome(root, 'user', 'good', 'until the ban is lifted');
    // The refusal of a new connection says the same, and each try is one.
    await bo.page.reload();
    await strip(bo, 'You are banned: a test. ').waitFor();
    await bo.standing('ended');
    await bo.picture('banned');
    const tryAgain = bo.page.getByRole('button', { name: 'Try again' });
    const count = connections(bo);
    await tryAgain.click();
    await bo.page.waitForFunction(() => document.getElementById('alert').textContent.startsWith('You are banned: a test.'));
    await strip(bo, 'You are banned: a test. ').waitFor();
    assert.equal(count.opened, 1);
    await root.part('unban').click();
    await outcome(root, 'user', 'good', `${userId} is not banned any more.`);
    // Each node hears of it by itself.
    for (const node of [0, 1]) await admitted(t, userId, node);
    await tryAgain.click();
    await bo.standing('connected', 'recovered');
    await ada.present('Ada', 'Bo');
    await root.part('deeds').locator('li').nth(2).waitFor();
  });

  test('sees the figures of all nodes, again and again', async (t) => {
    const room = newRoom('figures');
    await Promise.all(Array.from({ length: 7 }, (_, at) => member(t, room, { node: at % 2, checkShapes: false })));
    const root = await desk(t);
    await root.page.locator(`[data-testid=rooms-row][data-name="${room}"] td`).getByText('7', { exact: true }).waitFor();
    await root.part('nodes-row').nth(1).waitFor();
    await root.part('workers-row').nth(0).waitFor();
    await root.part('figure-partitions').getByText('64 of 64').waitFor();
    assert.ok(Number(await root.part('figure-sockets').textContent()) >= 7);
    const talker = await connect(t);
    await talker.join(room);
    for (let turn = 0; turn < 30; turn += 1) await talker.say(room, `turn ${turn}`);
    await root.page.waitForFunction(() => Number(document.getElementById('figure-deliveries').textContent) > 0);
    await root.page.getByRole('img', { name: /^Between \d+ and [1-9]/ }).first().waitFor();
    await root.page.locator(`[data-testid=rooms-row][data-name="${room}"] td`).getByText('8', { exact: true }).waitFor();
    await root.picture('admin');
  });

  test('loses the connection, and has it back', async (t) => {
    const root = await desk(t, { expects: NETWORK });
    await root.part('nodes-row').nth(1).waitFor();
    await root.context.setOffline(true);
    await root.standing('offline', 'reconnecting');
    await strip(root, /the last that came/).waitFor();
    await root.part('user-id').fill('u-1');
    await root.part('unban').click();
    await outcome(root, 'user', 'failed', 'Ban not lifted: there is no connection.');
    await root.picture('admin-offline');
    const before = await root.part('as-of').textContent();
    await root.context.setOffline(false);
    await root.standing('connected');
    await root.page.waitForFunction((old) => document.getElementById('as-of').textContent !== old, before);
    await root.part('strip').waitFor({ state: 'hidden' });
  });

  test('is one by the token: others are refused in words', async (t) => {
    const other = await Window.open(t, browser());
    await other.visit('admin.html');
    await other.part('have-token').click();
    const enter = async (pasted, words) => {
      await other.part('login-token').fill(pasted);
      await other.part('enter-with-token').click();
      await other.part('login-problem').getByText(words).waitFor();
    };
    await enter(await token(newUser()), 'Admin access required.');
    await other.picture('admin-refused');
    await enter(await token({ ...newUser(), role: 'service' }), 'Admin access required.');
    await enter('nonsense', 'not a token');
    await enter(`${await token(newUser())}x`, 'The server does not take this token');
    await other.part('login-token').fill(await token({ ...newUser('Pasted Root'), role: 'admin' }));
    await other.part('enter-with-token').click();
    await other.part('nodes-row').nth(1).waitFor();
    assert.equal(await other.part('self-name').textContent(), 'Pasted Root');
    assert.equal(new URL(other.page.url()).href, `${nodes[0]}/admin.html`);
    assert.deepEqual(await other.page.evaluate(() => Object.keys(localStorage).filter((key) => localStorage[key].includes('eyJ'))), []);
    await other.page.reload();
    await other.part('nodes-row').nth(1).waitFor();
    await other.part('sign-out').click();
    await other.part('login-name').waitFor();
    assert.equal(await other.page.evaluate(() => sessionStorage.length), 0);
  });

  for (const [width, height, colorScheme] of [[360, 740, 'dark'], [820, 1_000, 'light'], [1_280, 800, 'dark']]) {
    test(`has a desk that fits ${width} pixels, ${colorScheme}`, async (t) => {
      const root = await desk(t, { look: { viewport: { width, height }, colorScheme } });
      await root.part('nodes-row').nth(1).waitFor();
      const overflow = () => root.page.evaluate(() => {
        const page = document.getElementById('desk');
        return page.scrollWidth - page.clientWidth;
      });
      assert.equal(await overflow(), 0);
      await root.picture(`admin-${width}-${colorScheme}`);
      await root.part('user-id').fill('u-'.padEnd(120, 'x'));
      await root.part('kick').click();
      await outcome(root, 'user', 'good', 'nothing was ended');
      await root.part('user-outcome').scrollIntoViewIfNeeded();
      assert.equal(await overflow(), 0);
      await root.picture(`admin-orders-${width}-${colorScheme}`);
    });
  }
});
