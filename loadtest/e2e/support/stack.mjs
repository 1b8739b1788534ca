// The running system under test: where its nodes are, how tokens are had, what may be done to it.

import { createHmac } from 'node:crypto';

import { remember } from './private.mjs';

const DEADLINE = 60_000;

/** Base URLs of the nodes, at least two. */
export const nodes = required('STARLING_NODES').split(',').map((url) => url.trim().replace(/\/$/, ''));
if (nodes.length < 2) throw new Error('STARLING_NODES names fewer than two nodes; expected two, split by a comma');

/** The base URL of a node beside these whose limits a single client meets; `limits.test.mjs` alone has it. */
export const strictNode = process.env.STARLING_STRICT_NODE?.replace(/\/$/, '');

/**
 * A token for a user, signed by a node.
 * @param {{ userId: string, username?: string, role?: string, rooms?: string[] }} user
 */
export async function token(user, node = 0) {
  const { token } = await post(`${nodes[node]}/dev/token`, user);
  return remember('token', token);
}

/**
 * Restarts a part of the system and resolves when it serves again.
 * @param {'node' | 'worker' | 'nats'} part
 * @param {number} [index] which node or worker
 * @param {{ kill?: boolean }} [how] `kill` for a crash in place of an orderly stop
 */
export async function restart(part, index, { kill = false } = {}) {
  const which = index === undefined ? {} : { [part]: index };
  await post(required('STARLING_CONTROL'), { action: `restart-${part}`, ...which, kill });
}

/** Makes every room keep so many messages; without a number as many as by default. What is beyond them is gone. */
export async function capRooms(messages) {
  await post(required('STARLING_CONTROL'), { action: 'cap-rooms', messages });
}

/** A token whose `exp` has passed, signed with the key that the nodes trust. */
export function expiredToken() {
  return required('STARLING_EXPIRED_TOKEN');
}

/** A token of these claims, signed with the key that the nodes trust. */
export function signed(claims, header = { alg: 'HS256', typ: 'JWT' }) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const message = `${part(header)}.${part(claims)}`;
  const signature = createHmac('sha256', required('STARLING_JWT_SECRET')).update(message).digest('base64url');
  return remember('token', `${message}.${signature}`);
}

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run these tests with \`cargo test -p loadtest\``);
  return value;
}

async function post(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${url} ${JSON.stringify(body)} answered ${response.status}: ${text}`);
  return text === '' ? {} : JSON.parse(text);
}
