// Socket.IO (protocol 5) on Engine.IO (protocol 4) over one WebSocket, by hand: k6 runs no npm packages.
//
// Owns the framing: a namespace with its `auth`, events, acks, attachments, pings. What events mean is
// their users' business, and so is coming back: a socket that has closed stays closed.

import { WebSocket } from 'k6/experimental/websockets';

const ENGINE = { open: '0', close: '1', ping: '2', pong: '3', message: '4' };
const PACKET = { connect: '0', disconnect: '1', event: '2', ack: '3', refused: '4', binaryEvent: '5' };
/** How long an ack or an acceptance may take, in milliseconds. */
const DEADLINE = 30000;

/** One namespace on a connection of its own. */
export class Socket {
  /**
   * @param {string} node such as `http://127.0.0.1:3000`
   * @param {{ auth: object, namespace?: string }} options
   */
  constructor(node, { auth, namespace = '/' }) {
    this.prefix = namespace === '/' ? '' : `${namespace},`;
    this.auth = auth;
    this.handlers = {};
    this.acks = {};
    this.nextAck = 0;
    this.open = false;
    this.accepted = new Promise((resolve, reject) => {
      this.accept = resolve;
      this.refuse = reject;
    });
    const timer = setTimeout(() => this.fail(`not accepted within ${DEADLINE} ms`), DEADLINE);
    this.accepted.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
    this.socket = new WebSocket(`${node.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = ({ data }) => this.take(data);
    this.socket.onerror = ({ error }) => this.end(`the transport failed: ${error}`);
    this.socket.onclose = () => this.end('the transport was closed');
  }

  /**
   * Calls `handler` with the first argument of each such event; only where its text holds `mark`, if there is one.
   * Reading the JSON of what nobody wants is most of the work in a large room.
   */
  on(event, handler, mark = '') {
    this.handlers[event] = { handler, mark };
  }

  /** Sends an event without an ack; an ArrayBuffer among `args` goes as an attachment. */
  emit(event, ...args) {
    this.send('', [event, ...args]);
  }

  /** Sends an event and resolves with what its ack says. */
  request(event, ...args) {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(new Error(`${event}: not connected`));
        return;
      }
      const id = this.nextAck;
      this.nextAck += 1;
      const timer = setTimeout(() => {
        delete this.acks[id];
        reject(new Error(`${event}: no ack within ${DEADLINE} ms`));
      }, DEADLINE);
      this.acks[id] = { event, resolve, reject, timer };
      this.send(String(id), [event, ...args]);
    });
  }

  /** Ends the connection; `onEnd` is not called for it. */
  close() {
    this.onEnd = undefined;
    this.end('closed by this client');
    this.socket.close();
  }

  send(id, args) {
    const attachments = [];
    const packed = args.map((arg) => {
      if (!(arg instanceof ArrayBuffer)) return arg;
      attachments.push(arg);
      return { _placeholder: true, num: attachments.length - 1 };
    });
    const type = attachments.length > 0 ? `${PACKET.binaryEvent}${attachments.length}-` : PACKET.event;
    this.socket.send(`${ENGINE.message}${type}${this.prefix}${id}${JSON.stringify(packed)}`);
    for (const bytes of attachments) this.socket.send(bytes);
  }

  take(frame) {
    // What was under way when this end closed is nobody's any more: a client that comes back is sent it again.
    if (this.ended) return undefined;
    // Starling's own events hold no attachments.
    if (typeof frame !== 'string') return this.fail('an attachment came that nobody announced');
    switch (frame[0]) {
      case ENGINE.open:
        return this.socket.send(`${ENGINE.message}${PACKET.connect}${this.prefix}${JSON.stringify(this.auth)}`);
      case ENGINE.ping:
        return this.socket.send(ENGINE.pong);
      case ENGINE.message:
        return this.packet(frame[1], frame.slice(2));
      case ENGINE.close:
        return this.end('the server closed the transport');
      default:
        return this.fail(`unknown frame ${frame.slice(0, 40)}`);
    }
  }

  packet(type, body) {
    if (!body.startsWith(this.prefix)) return this.fail(`a packet of another namespace: ${body.slice(0, 40)}`);
    const rest = body.slice(this.prefix.length);
    switch (type) {
      case PACKET.connect:
        this.open = true;
        return this.accept();
      case PACKET.refused:
        return this.fail(`refused: ${JSON.parse(rest).message}`);
      case PACKET.event: {
        const taken = this.handlers[rest.slice(2, rest.indexOf('"', 2))];
        if (taken === undefined || !rest.includes(taken.mark)) return undefined;
        return taken.handler(JSON.parse(rest)[1]);
      }
      case PACKET.ack: {
        const start = rest.indexOf('[');
        return this.answered(rest.slice(0, start), JSON.parse(rest.slice(start))[0]);
      }
      case PACKET.disconnect:
        return this.fail('the server ended the namespace');
      default:
        return this.fail(`unknown packet ${type}${rest.slice(0, 40)}`);
    }
  }

  answered(id, answer) {
    const waiting = this.acks[id];
    if (waiting === undefined) return;
    delete this.acks[id];
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
  }

  /** Ends the connection for a fault. */
  fail(why) {
    this.end(why);
    this.socket.close();
  }

  end(why) {
    if (this.ended) return;
    this.ended = true;
    this.open = false;
    this.refuse(new Error(why));
    for (const id of Object.keys(this.acks)) {
      const { event, reject, timer } = this.acks[id];
      clearTimeout(timer);
      reject(new Error(`${event}: ${why}`));
    }
    this.acks = {};
    if (this.onEnd !== undefined) this.onEnd(why);
  }
}
