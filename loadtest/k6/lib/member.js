// One member of a room, who behaves as the page does: it sends a message again until it is acknowledged, and
// comes back with its position whenever its connection is lost.

import { Ledger } from './ledger.js';
import { ackTime, acked, connectTime, delivered, deliveryTime, dropped, duplicates, finished, incomplete, lost, recovered, recoveryTime, refused, reordered, resent, unacked } from './metrics.js';
import { Socket } from './socketio.js';
import { sleep, token, until } from './target.js';

/** How long anything may take before it counts as lost, in milliseconds. */
const PATIENCE = 60000;
/** Before a further attempt, where the server says nothing else. */
const AGAIN = 200;

// Here and below `.catch` and no `catch`: in an async method with closures, k6 1.1 catches the object instead of the error.
const complain = (error) => console.error(error.message);

export class Member {
  /**
   * @param {{ name: string, node: string, room: string, size: number, senders: number, each: number, interval: number }} plan
   * its room has `size` members, `senders` of whom say `each` messages, one each `interval` milliseconds
   */
  constructor(plan) {
    this.plan = plan;
    this.ledger = new Ledger(plan.senders, plan.each);
    this.present = 0;
    this.waiting = [];
    this.token = token(plan.node, plan.name);
  }

  /** Connects and joins the room. */
  async enter() {
    const due = Date.now();
    await this.connect();
    connectTime.add(Date.now() - due);
    const { name, room } = this.plan;
    let ack = await this.socket.request('join-room', { room });
    while (ack.status !== 'success') {
      if (Date.now() > due + PATIENCE) throw new Error(`${name} cannot join ${room}: ${JSON.stringify(ack)}`);
      await sleep(ack.retryAfter || AGAIN);
      ack = await this.socket.request('join-room', { room });
    }
    for (const message of ack.history) this.ledger.take(message);
    this.ledger.reached(ack.seq);
  }

  /** Resolves when everybody is in the room. */
  full() {
    return this.when(() => this.present >= this.plan.size, 'everybody to be in the room');
  }

  /** Says all its messages at even intervals, and resolves when they are stored. */
  async talk() {
    const { interval, room } = this.plan;
    this.socket.emit('typing', { room, typing: true });
    const start = Date.now() + Math.random() * interval;
    const said = [];
    for (let n = 0; n < this.plan.each; n += 1) {
      const due = start + n * interval;
      await until(due);
      said.push(this.say(n, due));
    }
    await Promise.all(said);
  }

  /** Loses its connection, comes back after `away` milliseconds and resolves when it is up to date. */
  async blink(away) {
    // Who has lost it anyway comes back first: a member has one connection.
    if (this.coming !== undefined) await this.coming;
    this.socket.close();
    await this.comeBack(away);
  }

  /** Resolves when everything has come; counts what has not. */
  async end() {
    const lasts = this.plan.each * this.plan.interval;
    await this.when(() => this.ledger.complete, () => `${this.ledger.lost} messages`, lasts).catch(complain);
    this.socket.close();
    lost.add(this.ledger.lost);
    duplicates.add(this.ledger.duplicates);
    reordered.add(this.ledger.reordered);
    finished.add(1);
  }

  async connect() {
    const { node, room } = this.plan;
    const rooms = this.ledger.seq > 0 ? { [room]: this.ledger.seq } : {};
    const socket = new Socket(node, { auth: { token: this.token, rooms } });
    this.recovered = undefined;
    socket.on('chat-message', (message) => this.take(message));
    socket.on('recovered', (report) => {
      if (report.room === room) this.recovered = report;
      this.look();
    });
    for (const event of ['user-list', 'presence']) {
      socket.on(event, (presence) => {
        if (presence.room === room) this.present = presence.count;
        this.look();
      }, JSON.stringify(room));
    }
    await socket.accepted;
    this.socket = socket;
    socket.onEnd = (why) => {
      console.error(`${this.plan.name}: ${why}`);
      dropped.add(1);
      this.look();
      this.comeBack(AGAIN).catch(complain);
    };
  }

  /** Comes back, once for all who want it at a time. */
  comeBack(away) {
    if (this.coming === undefined) {
      const over = () => (this.coming = undefined);
      this.coming = this.enterAgain(away);
      this.coming.then(over, over);
    }
    return this.coming;
  }

  async enterAgain(away) {
    const gone = Date.now();
    await sleep(away);
    for (;;) {
      const failed = await this.connect().then(() => this.reported()).catch((error) => error.message);
      if (failed === undefined) break;
      refused.add(1);
      if (Date.now() > gone + PATIENCE) throw new Error(`${this.plan.name} does not get in again: ${failed}`);
      await sleep(AGAIN + Math.random() * AGAIN);
    }
    (this.recovered.complete ? recovered : incomplete).add(1);
    recoveryTime.add(Date.now() - gone);
  }

  /** Waits for the report of what was missed; resolves with a text where the connection is lost before. */
  async reported() {
    await this.when(() => this.recovered !== undefined || this.socket.ended, 'the report after a lost connection');
    return this.recovered === undefined ? 'the connection was lost again' : undefined;
  }

  async say(number, due) {
    const { name, room } = this.plan;
    const message = { room, content: JSON.stringify({ from: name, number, due }), clientMessageId: `${name}/${number}` };
    for (;;) {
      const ack = await this.socket.request('chat-message', message).catch((error) => ({ message: error.message }));
      if (ack.status === 'success') {
        acked.add(1);
        ackTime.add(Date.now() - due);
        return;
      }
      if (Date.now() > due + PATIENCE) {
        console.error(`${name}: message ${number} is not stored: ${JSON.stringify(ack)}`);
        unacked.add(1);
        return;
      }
      resent.add(1);
      await sleep(ack.retryAfter || AGAIN);
    }
  }

  take(message) {
    if (message.room !== this.plan.room) return;
    if (this.ledger.take(message)) {
      delivered.add(1);
      deliveryTime.add(Date.now() - JSON.parse(message.content).due);
    }
    if (this.ledger.complete) this.look();
  }

  /** Resolves as soon as `condition` holds, which may be as late as in `lasts` milliseconds in a healthy system. */
  when(condition, what, lasts = 0) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.waiting = this.waiting.filter((other) => other !== look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting = this.waiting.filter((other) => other !== look);
        reject(new Error(`${this.plan.name} waited too long for ${typeof what === 'function' ? what() : what}`));
      }, lasts + PATIENCE);
      this.waiting.push(look);
      look();
    });
  }

  look() {
    for (const look of this.waiting) look();
  }
}
