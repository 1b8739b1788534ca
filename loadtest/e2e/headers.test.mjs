// What every answer tells browsers, on whichever path, good or bad.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { member, newRoom } from './support/client.mjs';
import { picture, queueFile } from './support/files.mjs';
import { nodes } from './support/stack.mjs';

const EVERYWHERE = {
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^no-referrer$/,
  'content-security-policy': /default-src '(self|none)'/,
};
const ON_A_NODE = { ...EVERYWHERE, 'cross-origin-resource-policy': /^same-origin$/, 'cache-control': /^no-(cache|store)$/ };

async function assertHeaders(response, expected) {
  await response.arrayBuffer();
  for (const [name, pattern] of Object.entries(expected)) {
    assert.match(response.headers.get(name) ?? 'none', pattern, `${name} of ${response.url} (${response.status})`);
  }
  for (const name of ['server', 'x-powered-by', 'set-cookie']) {
    assert.equal(response.headers.get(name), null, `${name} of ${response.url}`);
  }
  assert.doesNotMatch(response.headers.get('content-security-policy'), /unsafe/);
}

describe('a node', { concurrency: true }, () => {
  for (const [path, status, options] of [
    ['/', 200],
    ['/index.html', 200],
    ['/js/main.js', 200],
    ['/vendor/socket.io.esm.min.js', 200],
    ['/config.json', 200],
    ['/healthz', 200],
    ['/readyz', 200],
    ['/metrics', 200],
    ['/no-such-file', 404],
    ['/package.json', 404],
    ['/dev/token', 405],
    ['/api/rooms/general/messages', 405],
    ['/api/rooms/general/messages', 401, { method: 'POST' }],
    ['/socket.io/?EIO=4&transport=polling', 200],
    ['/socket.io/?EIO=9&transport=polling', 400],
  ]) {
    test(`answers ${options?.method ?? 'GET'} ${path} with ${status} and all headers`, async () => {
      const response = await fetch(nodes[0] + path, options);
      assert.equal(response.status, status);
      await assertHeaders(response, ON_A_NODE);
    });
  }
});

test('the media worker answers so too, and files as what nothing may come of', async (t) => {
  const { mediaUrl } = await (await fetch(`${nodes[0]}/config.json`)).json();
  const base = mediaUrl.replace(/\/$/, '');
  await assertHeaders(await fetch(`${base}/healthz`), EVERYWHERE);
  const refused = await fetch(`${base}/media/uploads`, { method: 'POST' });
  assert.ok(refused.status >= 400);
  await assertHeaders(refused, EVERYWHERE);

  const room = newRoom('headers');
  const client = await member(t, room);
  const mediaId = await queueFile(client, picture(16, 16), { room });
  const message = await client.event('file-message', (file) => file.mediaId === mediaId);
  const file = await fetch(message.url);
  assert.equal(file.status, 200);
  await assertHeaders(file, { ...EVERYWHERE, 'content-security-policy': /^default-src 'none'; sandbox$/ });
});
