// The server under test, spoken to below any Socket.IO client: packets as they stand on the wire.
//
// Owns sending and receiving over both transports. What a packet should say is the tests' own.

import assert from 'node:assert/strict';
import { connect } from 'node:net';

import { WebSocket } from 'ws';

/** How long anything may take before the test fails; far above what a healthy server needs. */
const DEADLINE = 10_000;

/** Pings come so often, have to be answered in that time, and a namespace has to be entered in that: milliseconds. */
const [pingInterval, pingTimeout, connectTimeout] = (process.env.STARLING_PROTOCOL_TIMES ?? '300,200,1000')
  .split(',')
  .map(Number);

/** What a handshake says of the server. */
export const SETTINGS = { pingInterval, pingTimeout, maxPayload: 1_000_000 };
/** How long a transport may stay without a namespace there. */
export const CONNECT_TIMEOUT = connectTimeout;

/** The packet by which a server may say that it closes. */
export const CLOSE = '1';

const url = new URL(process.env.STARLING_PROTOCOL_URL ?? 'http://127.0.0.1:3000');

/** The address of a request with these parameters. */
export const address = (parameters, protocol = 'http') =>
  `${protocol}://${url.host}/socket.io/?${new URLSearchParams(parameters)}`;

/** Fails instead of waiting for ever. */
export function inTime(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves once something holds. */
export async function until(holds, what) {
  for (const end = performance.now() + DEADLINE; !holds(); await new Promise((next) => setTimeout(next, 10))) {
    assert.ok(performance.now() < end, `waited in vain for ${what}`);
  }
}

/** A WebSocket whose packets are read one by one; pings are answered unless `answering` is false. */
export class Wire {
  #received = [];
  #waiting = [];
  #pings = 0;
  #closed;

  constructor(t, parameters = {}, { answering = true } = {}) {
    const query = { EIO: '4', transport: 'websocket', ...parameters };
    this.socket = new WebSocket(address(query, 'ws'));
    t.after(() => this.socket.terminate());
    this.socket.on('error', () => {});
    this.#closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('message', (data, isBinary) => {
      const packet = isBinary ? data : data.toString();
      if (answering && packet === '2') {
        this.#pings += 1;
        this.socket.send('3');
      } else if (this.#waiting.length > 0) {
        this.#waiting.shift()(packet);
      } else {
        this.#received.push(packet);
      }
    });
  }

  /** Opens a session over a WebSocket, past Engine.IO's handshake. */
  static async open(t, options) {
    const wire = new Wire(t, {}, options);
    wire.handshake = parsed(await wire.next(), '0');
    return wire;
  }

  /** The same, and into a namespace: past the CONNECT packet and the event `auth`. */
  static async connected(t, namespace = '/') {
    const wire = await Wire.open(t);
    await wire.connect(namespace);
    return wire;
  }

  async connect(namespace) {
    const prefix = namespace === '/' ? '' : `${namespace},`;
    this.send(`40${prefix}`);
    const { sid } = parsed(await this.next(), `40${prefix}`);
    assert.equal(await this.next(), `42${prefix}["auth",{}]`);
    return sid;
  }

  async ready() {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await inTime(new Promise((resolve) => this.socket.once('open', resolve)), 'the WebSocket');
    }
    return this;
  }

  send(...packets) {
    for (const packet of packets) this.socket.send(packet);
  }

  /** The next packet; text as a string, bytes as a Buffer. */
  next() {
    if (this.#received.length > 0) return Promise.resolve(this.#received.shift());
    return inTime(new Promise((resolve) => this.#waiting.push(resolve)), 'a packet');
  }

  /** Resolves when the server has closed the connection, or refused it. */
  closed() {
    return inTime(this.#closed, 'the end of the connection');
  }

  /** Packets that nobody has read. */
  get unread() {
    return [...this.#received];
  }

  /** Pings that were answered. */
  get pings() {
    return this.#pings;
  }
}

/** A session over HTTP long-polling. */
export class Polling {
  static async open() {
    const session = new Polling();
    const response = await session.get();
    assert.equal(response.status, 200);
    session.handshake = parsed(response.body, '0');
    session.sid = session.handshake.sid;
    return session;
  }

  #parameters() {
    return { EIO: '4', transport: 'polling', ...(this.sid && { sid: this.sid }) };
  }

  /** Waits for packets. */
  get() {
    return request('GET', this.#parameters());
  }

  /** Asks for packets and hangs up; resolves when the server has let go of the request too. */
  giveUpGet() {
    const { pathname, search } = new URL(address(this.#parameters()));
    const socket = connect(Number(url.port), url.hostname);
    socket.end(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
    socket.resume();
    return inTime(new Promise((resolve) => socket.once('close', resolve)), 'the end of a request that was given up');
  }

  /** Takes the ping with which a session begins, so that nothing waits. */
  async answerPing() {
    assert.equal((await this.get()).body, '2');
    await this.post('3');
  }

  post(body) {
    return request('POST', this.#parameters(), { body });
  }

  /** Waits for packets, answering pings, until one comes that is none. */
  async next() {
    for (;;) {
      const { status, body } = await this.get();
      assert.equal(status, 200, body);
      const packets = body.split('\x1e');
      if (packets.includes('2')) await this.post('3');
      const others = packets.filter((packet) => packet !== '2');
      if (others.length > 0) return others;
    }
  }
}

/** One HTTP request, to its status and text. */
export async function request(method, parameters, options = {}) {
  const signal = AbortSignal.timeout(DEADLINE);
  const response = await fetch(address(parameters), { method, ...options, signal });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** The status that an upgrade was refused with, and the body of that answer. */
export function refused(parameters) {
  const socket = new WebSocket(address(parameters, 'ws'));
  const answer = new Promise((resolve, reject) => {
    socket.once('error', () => {});
    socket.once('open', () => reject(new Error('the upgrade was accepted')));
    socket.once('unexpected-response', async (_, response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode, body: Buffer.concat(parts).toString() });
    });
  });
  return inTime(answer, 'a refusal').finally(() => socket.terminate());
}

/** The JSON after a packet's type. */
export function parsed(packet, type) {
  assert.equal(packet.slice(0, type.length), type, `${packet} is of another type`);
  return JSON.parse(packet.slice(type.length));
}
