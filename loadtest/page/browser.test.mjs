// The page in a real browser, against two real nodes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { member, newRoom, newUser } from '../e2e/support/client.mjs';
import { restart, token } from '../e2e/support/stack.mjs';
import { launch } from './support/browser.mjs';
import { NETWORK, Window } from './support/window.mjs';
import { refuseConnections, tapEvents } from './support/wire-tap.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const numbered = (prefix, count) => Array.from({ length: count }, (_, index) => `${prefix} ${index + 1}`);

/** Two people in one room, on two nodes. */
async function pair(t, room, options = {}) {
  const ada = await Window.open(t, browser, { node: 0, ...options });
  const bo = await Window.open(t, browser, { node: 1 });
  await ada.arrive('Ada', room);
  await bo.arrive('Bo', room);
  return { ada, bo };
}

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
    const ada = await Window.open(t, browser);
    const bo = await Window.open(t, browser, { profile: ada.context, node: 0 });
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

describe('history', () => {
  test('comes by scrolling up, without moving what one reads, and after a reload', async (t) => {
    const room = newRoom('history');
    const writer = await member(t, room);
    const all = numbered('entry', 130);
    for (const text of all) await writer.say(room, text);
    const ada = await Window.open(t, browser, { node: 1 });
    await ada.arrive('Ada', room);
    await ada.message('entry 130').waitFor();
    assert.deepEqual(await ada.texts(), all.slice(-50));

    assert.ok((await scrollUpFor(ada, 'entry 81')) < 2, 'the place moved under the eyes');
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
    const place = () => window.message(oldest).evaluate((item) => item.getBoundingClientRect().top);
    await window.message(oldest).evaluate((item) => item.scrollIntoView({ block: 'start' }));
    const before = await place();
    await window.page.waitForFunction((text) => document.querySelector('[data-testid=message] .text').textContent !== text, oldest);
    return Math.abs((await place()) - before);
  }

  test('unread messages of another room are counted, and marked on arrival', async (t) => {
    const [here, there] = [newRoom('here'), newRoom('there')];
    const ada = await Window.open(t, browser);
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

describe('markup', () => {
  test("of the server is shown, a person's is text", async (t) => {
    const room = newRoom('markup');
    const { ada, bo } = await pair(t, room);
    await ada.write('**bold** <img src=x onerror="window.hacked=1"><script>window.hacked=1</script> [no](javascript:window.hacked=1)');
    const shown = bo.part('message').filter({ hasText: 'bold' });
    await shown.and(bo.page.locator('[data-state=stored]')).waitFor();
    assert.equal(await shown.locator('.text strong').textContent(), 'bold');
    assert.equal(await shown.locator('.text').locator('script, img, [onerror], a[href^="javascript"]').count(), 0);
    assert.equal(await bo.page.evaluate(() => window.hacked), undefined);
  });

  test("passes the page's own list even if the server let anything through", async (t) => {
    // What the list drops, the policy forbids as well, and says so.
    const ada = await Window.open(t, browser, { expects: /content security policy/i });
    await ada.visit();
    const cases = [
      ['<b onclick="hacked()">b</b>', '<b>b</b>'],
      ['<script>hacked()</script>x', 'x'],
      ['<img src=/x onerror=hacked()>x', 'x'],
      ['<svg><script>hacked()</script><a href="javascript:hacked()">y</a></svg>x', 'x'],
      ['<math><mtext><style><img src=/x onerror=hacked()></style></mtext></math>x', 'x'],
      ['<iframe srcdoc="<script>hacked()</script>"></iframe>x', 'x'],
      ['<div style="position:fixed"><em class="c" id="i">e</em></div>', '<em>e</em>'],
      ['<a href="javascript:hacked()">a</a>', '<a>a</a>'],
      ['<a href="https://a.example/" target="_top" onclick="hacked()">a</a>', '<a href="https://a.example/" target="_blank" rel="noopener noreferrer nofollow">a</a>'],
      ['<pre><code class="language-js">1 &lt; 2</code></pre>', '<pre><code>1 &lt; 2</code></pre>'],
      ['<p>see https://a.example/b, or <code>https://a.example/c</code></p>', '<p>see <a href="https://a.example/b" target="_blank" rel="noopener noreferrer nofollow">https://a.example/b</a>, or <code>https://a.example/c</code></p>'],
      ['<form action="/x"><input name="q"><button>go</button></form>', 'go'],
      ['a &amp; b &lt;b&gt;', 'a &amp; b &lt;b&gt;'],
    ];
    const results = await ada.page.evaluate(async (sources) => {
      const { serverHtml } = await import('/js/view/server-html.js');
      return sources.map((source) => {
        const holder = document.createElement('div');
        holder.append(serverHtml(source));
        return holder.innerHTML;
      });
    }, cases.map(([source]) => source));
    for (const [index, [source, expected]] of cases.entries()) assert.equal(results[index], expected, source);
  });
});

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
    const ada = await Window.open(t, browser);
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
    const ada = await Window.open(t, browser, { expects: NETWORK });
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

describe('the way in', () => {
  test('a deployment without a login of its own takes a token', async (t) => {
    const ada = await Window.open(t, browser, { expects: /status of 404/ });
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
    const ada = await Window.open(t, browser);
    await ada.visit(`#token=${await token({ userId: 'u-linked', username: 'Linked Ada' })}`);
    await ada.standing('connected');
    assert.equal(new URL(ada.page.url()).hash, '');
    assert.equal(await ada.part('self-name').textContent(), 'Linked Ada');
  });

  test('a token that ran out is renewed once', async (t) => {
    const ada = await Window.open(t, browser);
    let asked = 0;
    ada.page.on('request', (request) => (asked += request.url().endsWith('/dev/token') ? 1 : 0));
    await refuseConnections(ada.page, 1, 'Invalid or expired token');
    await ada.enter('Ada');
    assert.equal(asked, 2);
  });

  test('a token that is refused again leads back to the name, with a sentence', async (t) => {
    const ada = await Window.open(t, browser);
    await refuseConnections(ada.page, 2, 'Invalid or expired token');
    await ada.visit();
    await ada.part('login-name').fill('Ada');
    await ada.part('enter').click();
    await ada.part('login-problem').getByText('Your session has ended').waitFor();
    assert.equal(await ada.part('login-name').inputValue(), 'Ada');
  });

  test('an empty name is asked for', async (t) => {
    const ada = await Window.open(t, browser);
    await ada.visit();
    await ada.part('enter').click();
    await ada.part('login-problem').getByText('Write the name').waitFor();
  });
});

describe('by keyboard', () => {
  test('Enter sends, Shift+Enter does not, Alt and arrows change rooms, the skip link skips', async (t) => {
    const [first, second] = [newRoom('a'), newRoom('b')];
    const ada = await Window.open(t, browser);
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

describe('narrow and dark', () => {
  for (const [width, height, colorScheme] of [[360, 640, 'dark'], [390, 844, 'light']]) {
    test(`fits ${width} pixels, ${colorScheme}`, async (t) => {
      const room = newRoom('narrow');
      const writer = await member(t, room, { user: newUser('Writer') });
      await writer.say(room, 'x'.repeat(900));
      await writer.say(room, `\`\`\`\n${'long line '.repeat(20)}\n\`\`\``);
      const ada = await Window.open(t, browser, { look: { viewport: { width, height }, colorScheme, hasTouch: true } });
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

// Last, as they disturb everyone on the node.
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
