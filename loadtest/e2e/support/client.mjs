// One real socket.io-client that remembers all it was sent, in order, and holds it against the contract.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { io } from 'socket.io-client';

import { ackMismatch, eventMismatch } from './fixtures.mjs';
import { rememberContent } from './private.mjs';
import { nodes, token } from './stack.mjs';

/** How long anything may take before the test fails; far above what a healthy system needs. */
export const DEADLINE = 30_000;

/** Every way a client may talk to a node; the last starts with polling and upgrades. */
export const TRANSPORTS = [['websocket'], ['polling'], ['polling', 'websocket']];

/** The events that carry what people say. */
const TEXTS = ['chat-message', 'broadcast-message', 'admin-announcement'];

/** A room that no other test uses. */
export const newRoom = (prefix = 'room') => `${prefix}-${randomUUID()}`;

/** A user that no other test uses. */
export const newUser = (username = 'Ada') => ({ userId: `u-${randomUUID()}`, username });

/**
 * Connects and waits until the server has accepted. The socket is closed when the test ends, and the
 * test fails if anything that the server sent was not of the contract's shape.
 *
 * @param {import('node:test').TestContext} t
 * @param {object} [options]
 * @param {number} [options.node] index of the node
 * @param {string} [options.url] another node than those
 * @param {string} [options.namespace]
 * @param {object} [options.user] who connects; a new user where absent
 * @param {Record<string, number>} [options.rooms] `auth.rooms`
 * @param {object} [options.auth] all of it, in place of a token and `rooms`
 * @param {string[]} [options.transports]
 * @param {object} [options.socket] more options of socket.io-client
 * @param {boolean} [options.checkShapes] `false` for crowds, where it costs too much
 */
export async function connect(t, options = {}) {
  const user = options.user ?? newUser();
  const client = new Client(user, {
    ...options,
    auth: options.auth ?? { token: await token(user, options.node), rooms: options.rooms ?? {} },
  });
  t.after(() => client.end());
  await client.connected();
  return client;
}

/** Connects and joins one room. */
export async function member(t, room, options = {}) {
  const client = await connect(t, options);
  await client.join(room);
  return client;
}

/** Tries to connect with `auth` and returns the message of the `connect_error`. */
export async function refusal(t, auth, options = {}) {
  const client = new Client(newUser(), { ...options, auth });
  t.after(() => client.end());
  return client.refused();
}

export class Client {
  /** Everything received, in order: `{ event, payload }`. */
  inbox = [];
  #waiting = new Set();
  #mismatches = [];

  constructor(user, { node = 0, url = nodes[node], namespace = '/', auth, transports = ['websocket'], socket = {}, checkShapes = true }) {
    this.user = user;
    this.socket = io(url + namespace, {
      auth,
      transports,
      forceNew: true,
      reconnection: false,
      autoConnect: false,
      timeout: DEADLINE,
      ...socket,
    });
    this.socket.onAny((event, payload) => {
      if (checkShapes) this.#note(eventMismatch(event, payload));
      this.inbox.push({ event, payload });
      if (TEXTS.includes(event)) rememberContent(payload);
      this.#look();
    });
    this.socket.on('connect_error', (error) => (this.refusal = error));
    for (const event of ['connect', 'disconnect', 'connect_error']) {
      this.socket.on(event, () => this.#look());
    }
  }

  /** Connects, if it is not connected, and waits until the server has accepted. */
  async connected() {
    await this.#answered('the connection to be accepted', () => this.socket.io.reconnection());
    if (!this.socket.connected) throw this.refusal;
  }

  /** Connects and waits for the refusal; returns its message. */
  async refused() {
    await this.#answered('the connection to be refused');
    assert.ok(!this.socket.connected, 'the connection was accepted');
    return this.refusal.message;
  }

  /** Waits until the socket is closed, by whomever. */
  disconnected() {
    return this.until(() => !this.socket.connected, 'the connection to be closed');
  }

  #answered(what, triesAgain = () => false) {
    this.refusal = undefined;
    if (!this.socket.active) this.socket.connect();
    return this.until(() => this.socket.connected || (this.refusal && !triesAgain()), what);
  }

  /** Sends an event and returns its ack; without `payload` nothing but the event's name goes out. */
  async request(event, ...payload) {
    if (TEXTS.includes(event)) rememberContent(payload[0]);
    let ack;
    try {
      ack = await this.socket.timeout(DEADLINE).emitWithAck(event, ...payload);
    } catch (error) {
      throw new Error(`no ack of ${event} ${brief(payload)}: ${error.message}`);
    }
    this.#note(ackMismatch(event, ack));
    return ack;
  }

  /** As `request`, where success is expected. */
  async succeed(event, ...payload) {
    const ack = await this.request(event, ...payload);
    assert.equal(ack?.status, 'success', `${event} ${brief(payload)} was answered ${brief(ack)}`);
    return ack;
  }

  /** As `request`, where a failure with one of `codes` is expected. */
  async fail(codes, event, ...payload) {
    const ack = await this.request(event, ...payload);
    assert.equal(ack?.status, 'error', `${event} ${brief(payload)} was answered ${brief(ack)}`);
    assert.ok([codes].flat().includes(ack.code), `${event} ${brief(payload)} failed with ${brief(ack)}, not ${codes}`);
    assert.equal(this.#mismatches.length, 0, this.#mismatches[0]);
    return ack;
  }

  join(room, more = {}) {
    return this.succeed('join-room', { room, ...more });
  }

  leave(room) {
    return this.succeed('leave-room', { room });
  }

  /** Says something and returns the ack. */
  say(room, content, more = {}) {
    return this.succeed('chat-message', { room, content, ...more });
  }

  /** The payloads of an event so far, of one room where it is given. */
  received(event, room) {
    const of = this.inbox.filter((entry) => entry.event === event).map((entry) => entry.payload);
    return room === undefined ? of : of.filter((payload) => payload.room === room);
  }

  /** The chat messages of a room so far. */
  messages(room) {
    return this.received('chat-message', room);
  }

  /** The text of the chat messages of a room so far. */
  contents(room) {
    return this.messages(room).map((message) => message.content);
  }

  /** Waits until `count` chat messages of a room have come and returns them. */
  async messagesUpTo(room, count) {
    await this.until(
      () => this.messages(room).length >= count,
      () => `${count} messages of ${room} (${this.messages(room).length} came)`,
    );
    return this.messages(room);
  }

  /** Waits for a payload of `event` that `accepts` takes, among those received already or later. */
  async event(event, accepts = () => true) {
    let found;
    await this.until(
      () => {
        found = this.received(event).find(accepts);
        return found !== undefined;
      },
      () => `${event}; of that event came ${brief(this.received(event).slice(-3))}`,
    );
    return found;
  }

  /** Waits for a chat message by its text. */
  message(room, content) {
    return this.event('chat-message', (message) => message.room === room && message.content === content);
  }

  /** Waits until `condition` holds, looking again whenever something is received. */
  until(condition, what) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const text = typeof what === 'function' ? what() : what;
        reject(new Error(`${this.user.username} waited ${DEADLINE} ms for ${text}`));
      }, DEADLINE);
      this.#waiting.add(look);
      look();
    });
  }

  /** Waits until all that this socket has sent so far was handled: events of one socket keep their order. */
  async settled() {
    await this.request('leave-room', { room: newRoom('never-joined') });
  }

  /** Closes the socket, if it is open. */
  close() {
    this.socket.disconnect();
  }

  /** Closes the socket and fails if the server ever broke the contract. */
  end() {
    this.close();
    assert.deepEqual(this.#mismatches, []);
  }

  #note(mismatch) {
    if (mismatch) this.#mismatches.push(mismatch);
  }

  #look() {
    for (const look of [...this.#waiting]) look();
  }
}

/** A value on one line that is not too long for a test's output. */
export function brief(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}
