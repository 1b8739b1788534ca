// What Artillery's own steps cannot do: remember what came, wait for it, lose a connection and come back.
//
// The engine's socket is a real socket.io-client. These functions are steps (`function: ...`); what does not
// hold fails the client that it happened to, and is counted.

import { randomUUID } from 'node:crypto';

/** How long anything may take, in milliseconds. */
const DEADLINE = 20_000;
const ROOMS = Number(process.env.ROOMS ?? 10);

/** By client: what it has got and said. */
const records = new WeakMap();

/** The first step: chooses a room, and begins to remember. */
export function begin(context, events, done) {
  const socket = context.sockets[''];
  context.vars.room = `${process.env.STARLING_RUN ?? 'artillery'}-${Math.floor(Math.random() * ROOMS)}`;
  context.vars.said = 0;
  const record = { seq: {}, got: new Map(), waiting: new Set(), events };
  records.set(context, record);
  // Counters that are there from the start: a threshold on one that nobody moved does not hold.
  for (const name of ['said', 'came', 'duplicates', 'reordered', 'lost', 'recovered', 'incomplete']) count(events, name, 0);
  socket.on('chat-message', (message) => take(record, message));
  socket.on('recovered', (report) => {
    record.recovered = report;
    look(record);
  });
  done();
}

/** Names the next message, so that its coming can be waited for. */
export function compose(context, events, done) {
  context.vars.said += 1;
  context.vars.messageId = randomUUID();
  context.vars.due = Date.now();
  count(events, 'said', 1);
  done();
}

/** Waits until the last message that was composed has come to its own sender. */
export function comesBack(context, events, done) {
  const record = records.get(context);
  const { messageId, due } = context.vars;
  waitFor(record, () => record.got.has(messageId), `message ${messageId}`).then(
    () => {
      events.emit('histogram', 'starling.delivery_time', Date.now() - due);
      done();
    },
    (error) => {
      count(events, 'lost', 1);
      done(error);
    },
  );
}

/** Loses the connection, and comes back with the position that was reached in the room. */
export function reconnect(context, events, done) {
  const record = records.get(context);
  const socket = context.sockets[''];
  const { room, token } = context.vars;
  const gone = Date.now();
  record.recovered = undefined;
  socket.disconnect();
  socket.auth = { token, rooms: { [room]: record.seq[room] ?? context.vars.joinedAt } };
  socket.connect();
  waitFor(record, () => record.recovered?.room === room, `the report on ${room} after coming back`).then(() => {
    events.emit('histogram', 'starling.recovery_time', Date.now() - gone);
    count(events, record.recovered.complete ? 'recovered' : 'incomplete', 1);
    done();
  }, done);
}

function take(record, message) {
  const { clientMessageId, id, room, seq } = message;
  const key = clientMessageId ?? id;
  if (record.got.has(key)) count(record.events, 'duplicates', 1);
  else if (seq <= (record.seq[room] ?? 0)) count(record.events, 'reordered', 1);
  record.got.set(key, seq);
  record.seq[room] = Math.max(seq, record.seq[room] ?? 0);
  count(record.events, 'came', 1);
  look(record);
}

function waitFor(record, condition, what) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!condition()) return;
      clearTimeout(timer);
      record.waiting.delete(look);
      resolve();
    };
    const timer = setTimeout(() => {
      record.waiting.delete(look);
      reject(new Error(`waited ${DEADLINE} ms for ${what}`));
    }, DEADLINE);
    record.waiting.add(look);
    look();
  });
}

const look = (record) => [...record.waiting].forEach((waiting) => waiting());
const count = (events, name, by) => events.emit('counter', `starling.${name}`, by);
