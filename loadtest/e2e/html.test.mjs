// The server's rendering of markup: there where it is wanted, and never able to run anything.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { member, newRoom } from './support/client.mjs';

/** Sends `content` and returns how the other node's member gets it. */
async function rendered(t, content) {
  const room = newRoom();
  const reader = await member(t, room, { node: 1 });
  const sender = await member(t, room);
  await sender.say(room, content);
  const message = await reader.event('chat-message', (payload) => payload.room === room);
  assert.equal(message.content, content, 'the content is not as it was sent');
  return message.html;
}

/** What a browser would take for tags, and so could act upon. */
const tags = (html = '') => html.match(/<[a-z!/?][^>]*>?/gi) ?? [];

describe('html', { concurrency: 8 }, () => {
  for (const content of ['Hello', 'Grüße aus Köln 🐦', 'what? yes, 3 apples', 'one two']) {
    test(`is absent for plain text: ${content}`, async (t) => {
      assert.equal(await rendered(t, content), undefined);
    });
  }

  for (const [content, expected] of [
    ['**bold** words', /<strong>bold<\/strong> words/],
    ['*leaning* words', /<em>leaning<\/em> words/],
    ['`code` here', /<code>code<\/code> here/],
    ['[a link](https://example.org/a?b=1)', /<a [^>]*href="https:\/\/example\.org\/a\?b=1"[^>]*>a link<\/a>/],
  ]) {
    test(`renders ${content}`, async (t) => {
      assert.match(await rendered(t, content), expected);
    });
  }

  test('opens links in a way that tells the other site nothing', async (t) => {
    const html = await rendered(t, '[a link](https://example.org/)');
    assert.match(html, /rel="[^"]*noopener[^"]*"/);
  });

  for (const content of [
    '<img src=x onerror=alert(1)>',
    '**bold** <img src="x" onerror="alert(1)">',
    '<script>alert(1)</script>',
    '**a** <script>alert(1)</script>',
    '<scr<script>ipt>alert(1)</scr</script>ipt>',
    '<svg/onload=alert(1)>',
    '<iframe src="javascript:alert(1)"></iframe>',
    '<a href="javascript:alert(1)">click</a>',
    '[click](javascript:alert(1))',
    '[click](JaVaScRiPt:alert(1))',
    '[click](java\tscript:alert(1))',
    '[click](&#106;avascript:alert(1))',
    '[click](data:text/html,<script>alert(1)</script>)',
    '[click](vbscript:msgbox(1))',
    '![x](javascript:alert(1))',
    '<style>*{display:none}</style>**x**',
    '<b style="position:fixed;inset:0" onclick="alert(1)">**x**</b>',
    '<form action="https://evil.example"><input name=password></form>',
    '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
    '`<img src=x onerror=alert(1)>`',
    '```\n<script>alert(1)</script>\n```',
    '<!--><img src=x onerror=alert(1)>-->',
    '"><script>alert(1)</script>',
    '<base href="https://evil.example">',
    '<meta http-equiv=refresh content=0>',
    '<object data="x"></object><embed src="x">',
  ]) {
    test(`is harmless for ${JSON.stringify(content)}`, async (t) => {
      const html = await rendered(t, content);
      for (const tag of tags(html)) {
        assert.doesNotMatch(
          tag,
          /^<\/?(script|style|svg|math|iframe|object|embed|form|input|base|meta|link|template|!)/i,
          html,
        );
        assert.doesNotMatch(tag, /[\s"'/]on[a-z]+\s*=|[\s"'/]style\s*=/i, html);
        assert.doesNotMatch(tag, /(javascript|vbscript|data)\s*:/i, html);
      }
    });
  }
});
