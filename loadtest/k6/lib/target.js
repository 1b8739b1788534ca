// What a script is told by its environment: the nodes, tokens for them, and numbers.

import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import http from 'k6/http';

import { ownLag } from './metrics.js';

/** The nodes; a client takes the one of its number. */
export const nodes = (__ENV.STARLING_NODES || 'http://127.0.0.1:3000').split(',');

/** How long a token of this script's own is good for, in seconds. */
const TOKEN_LIFE = 24 * 3600;

/** A whole number from the environment. */
export function number(name, standard) {
  const text = __ENV[name];
  if (text === undefined || text === '') return standard;
  if (!/^\d+$/.test(text)) throw new Error(`${name} must be a whole number, not ${text}`);
  return Number(text);
}

/** The node of the client with this number. */
export const nodeOf = (index) => nodes[index % nodes.length];

/** A name that no other run has. */
export const newRun = (script) => `${script}-${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;

/**
 * A token for a user: signed here where STARLING_JWT_SECRET is given, else asked for at a local stack.
 * Asking stands still until the answer is there: do it before there is a connection.
 */
export function token(node, userId) {
  const secret = __ENV.STARLING_JWT_SECRET;
  if (secret) return sign(secret, { sub: userId, name: userId, exp: Math.floor(Date.now() / 1000) + TOKEN_LIFE });
  const answer = http.post(`${node}/dev/token`, JSON.stringify({ userId, username: userId }), {
    headers: { 'content-type': 'application/json' },
  });
  if (answer.status !== 200) {
    throw new Error(
      `${node}/dev/token answered ${answer.status || answer.error}, not 200: only a local stack hands out tokens. Set STARLING_JWT_SECRET for others`,
    );
  }
  return answer.json('token');
}

function sign(secret, claims) {
  const part = (value) => encoding.b64encode(JSON.stringify(value), 'rawurl');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${crypto.hmac('sha256', secret, text, 'base64rawurl')}`;
}

/** Resolves at this time of `Date.now()`, or at once where it has passed. */
export const until = (time) => sleep(Math.max(0, time - Date.now()));

/** Resolves after so many milliseconds. */
export function sleep(milliseconds) {
  const due = Date.now() + milliseconds;
  return new Promise((resolve) => {
    setTimeout(() => {
      ownLag.add(Math.max(0, Date.now() - due));
      resolve();
    }, milliseconds);
  });
}
