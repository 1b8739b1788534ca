// Tokens for Artillery's clients, as CSV: `node tokens.mjs NODE COUNT [PREFIX] > tokens.csv`.
//
// A file, because the engine connects each client before any step of it has run. Signed here where
// STARLING_JWT_SECRET is given, else asked for at a local stack.

import { createHmac } from 'node:crypto';
import { pathToFileURL } from 'node:url';

/** How long a token of this script's own is good for, in seconds. */
const TOKEN_LIFE = 24 * 3600;
/** How many a stack is asked for at a time. */
const AT_ONCE = 50;

/** The file's text: one `userId,token` a line. */
export async function tokens(node, count, prefix, secret = process.env.STARLING_JWT_SECRET) {
  const users = Array.from({ length: count }, (_, index) => `${prefix}-u${index}`);
  const lines = [];
  for (let at = 0; at < count; at += AT_ONCE) {
    const batch = users.slice(at, at + AT_ONCE);
    lines.push(...(await Promise.all(batch.map(async (user) => `${user},${secret ? sign(secret, user) : await fromNode(node, user)}`))));
  }
  return `${lines.join('\n')}\n`;
}

function sign(secret, user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: user, name: user, exp: Math.floor(Date.now() / 1000) + TOKEN_LIFE };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

async function fromNode(node, userId) {
  const url = `${node}/dev/token`;
  const advice = 'only a local stack hands out tokens. Set STARLING_JWT_SECRET for others';
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ userId, username: userId }) };
  const answer = await fetch(url, request).catch((error) => {
    throw new Error(`${url} does not answer: ${error.cause?.message ?? error.message}`);
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}, not 200: ${advice}`);
  return (await answer.json()).token;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [node, count, prefix = `artillery-${Date.now().toString(36)}`] = process.argv.slice(2);
  if (!node || !/^\d+$/.test(count ?? '')) {
    console.error('usage: node tokens.mjs NODE COUNT [PREFIX] > tokens.csv, such as: node tokens.mjs http://127.0.0.1:3000 300');
    process.exit(64);
  }
  try {
    process.stdout.write(await tokens(node, Number(count), prefix));
  } catch (error) {
    console.error(`tokens: ${error.message}`);
    process.exit(1);
  }
}
