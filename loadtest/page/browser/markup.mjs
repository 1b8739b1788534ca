// Markup: the server's is shown, a person's is text.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newRoom } from '../../e2e/support/client.mjs';
import { browser } from '../support/browser.mjs';
import { pair } from '../support/pair.mjs';
import { Window } from '../support/window.mjs';

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
    const ada = await Window.open(t, browser(), { expects: /content security policy/i });
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
