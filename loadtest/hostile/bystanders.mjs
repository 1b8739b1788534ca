// Well-behaved clients beside hostile ones: real socket.io-clients in rooms of ten, who talk at an even
// rate and notice whatever goes wrong. Started by `chaos hostile`, which tells them by lines on standard
// input (`come`, `stop`) and is told by lines of JSON on standard output.

import { createInterface } from 'node:readline';

import { io } from 'socket.io-client';

const [url, count, rate] = process.argv.slice(2);
const ROOM_SIZE = 10;
/** Three of five by WebSocket, one by polling alone, one that begins with polling. */
const TRANSPORTS = [['websocket'], ['websocket'], ['websocket'], ['polling'], ['polling', 'websocket']];
const NEWCOMERS = 10;
const PATIENCE = 30_000;
const KEPT_FINDINGS = 20;

const run = process.pid.toString(36);
const clients = [];
const rooms = new Map();
const findings = [];
const waits = [];
let [sent, acked, delivered, disconnects] = [0, 0, 0, 0];

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

function found(what) {
  if (findings.length < KEPT_FINDINGS) findings.push(what);
}

async function token(userId) {
  const response = await fetch(`${url}/dev/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId, username: userId }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (!response.ok) throw new Error(`/dev/token answers ${response.status}`);
  return (await response.json()).token;
}

/** A client in its room. Whatever it does not expect is a finding. */
class Bystander {
  constructor(number) {
    this.number = number;
    this.name = `bystander-${run}-${number}`;
    this.room = `bystanders-${run}-${Math.floor(number / ROOM_SIZE)}`;
    /** What has come, by `seq`: each once, and in order. */
    this.seen = [];
  }

  async come() {
    this.socket = io(url, {
      auth: { token: await token(this.name) },
      transports: TRANSPORTS[this.number % TRANSPORTS.length],
      forceNew: true,
      reconnection: false,
      timeout: PATIENCE,
    });
    this.socket.on('chat-message', (message) => this.#arrived(message));
    this.socket.on('auth-error', (error) => found(`${this.name} was told ${JSON.stringify(error)}`));
    await new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('connect_error', (error) => reject(new Error(`${this.name} cannot connect: ${error.message}`)));
    });
    this.socket.on('disconnect', (reason) => {
      if (this.leaving) return;
      disconnects += 1;
      found(`${this.name} lost its connection: ${reason}`);
    });
    const ack = await this.socket.timeout(PATIENCE).emitWithAck('join-room', { room: this.room });
    if (ack.status !== 'success') throw new Error(`${this.name} may not join: ${JSON.stringify(ack)}`);
    this.from = ack.seq;
  }

  #arrived({ room, seq, content }) {
    if (room !== this.room) return;
    const last = this.seen.at(-1)?.seq ?? 0;
    if (seq <= last) found(`${this.name} got seq ${seq} of ${room} after ${last}`);
    this.seen.push({ seq, content });
    delivered += 1;
  }

  async say(content) {
    sent += 1;
    const began = performance.now();
    try {
      const ack = await this.socket.timeout(PATIENCE).emitWithAck('chat-message', { room: this.room, content });
      waits.push(performance.now() - began);
      if (ack.status !== 'success') return found(`${this.name} was answered ${JSON.stringify(ack)}`);
      acked += 1;
      if (!rooms.has(this.room)) rooms.set(this.room, []);
      rooms.get(this.room).push({ seq: ack.seq, content });
    } catch (error) {
      found(`${this.name} got no answer: ${error.message}`);
    }
  }

  /** The acknowledged messages of the room that this client must have. */
  due() {
    return (rooms.get(this.room) ?? []).filter(({ seq }) => seq > this.from).sort((one, other) => one.seq - other.seq);
  }

  hasAll() {
    return this.seen.length >= this.due().length;
  }

  /** Compares all that came with all that was acknowledged: each once, in order, and nothing else. */
  reckon() {
    const due = this.due();
    const same = due.length === this.seen.length && due.every(({ seq, content }, at) => this.seen[at].seq === seq && this.seen[at].content === content);
    if (!same) found(`${this.name} got ${this.seen.length} messages of ${this.room}, not the ${due.length} that were acknowledged, each once and in order`);
  }

  leave() {
    this.leaving = true;
    this.socket.disconnect();
  }
}

/** Nobody is asked to say anything before all of them are in their rooms. */
async function everybodyComes(from, to) {
  const coming = Array.from({ length: to - from }, (_, n) => new Bystander(from + n));
  await Promise.all(coming.map((client) => client.come()));
  clients.push(...coming);
}

const talking = [];
let turn = 0;
let timer;

function talk() {
  timer = setInterval(() => {
    const client = clients[turn % clients.length];
    turn += 1;
    talking.push(client.say(`message ${turn} of ${client.name}`));
  }, 1_000 / Number(rate));
}

/** More clients come while things are as they are, in a room of their own; each says something. */
async function newcomers() {
  const from = Math.ceil(clients.length / ROOM_SIZE) * ROOM_SIZE;
  await everybodyComes(from, from + NEWCOMERS);
  await Promise.all(clients.slice(-NEWCOMERS).map((client) => client.say(`hello from ${client.name}`)));
}

async function stop() {
  clearInterval(timer);
  await Promise.all(talking);
  const deadline = Date.now() + PATIENCE;
  while (!clients.every((client) => client.hasAll()) && Date.now() < deadline) await sleep(20);
  // What comes twice comes before what is said after it.
  for (const client of clients.filter(({ number }) => number % ROOM_SIZE === 0)) await client.say('the last word');
  while (!clients.every((client) => client.hasAll()) && Date.now() < deadline) await sleep(20);
  for (const client of clients) client.reckon();
  waits.sort((one, other) => one - other);
  const quantile = (part) => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] ?? 0;
  tell({ end: { clients: clients.length, sent, acked, delivered, disconnects, ackP50: quantile(0.5), ackP99: quantile(0.99), ackMax: quantile(1), findings } });
  for (const client of clients) client.leave();
}

async function obey() {
  await everybodyComes(0, Number(count));
  talk();
  tell({ ready: clients.length });
  const report = setInterval(() => tell({ progress: { sent, acked, delivered, disconnects } }), 250);
  for await (const order of createInterface({ input: process.stdin })) {
    if (order === 'come') {
      await newcomers().then(() => tell({ came: NEWCOMERS }), (error) => tell({ failed: error.message }));
    } else if (order === 'stop') {
      clearInterval(report);
      await stop();
      break;
    }
  }
  process.exit(0);
}

obey().catch((error) => {
  tell({ failed: error.message });
  process.exit(1);
});
