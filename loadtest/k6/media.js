// Files by both ways, `send-file` and past the nodes: how long until a file is taken, and until its message
// stands in the room.
//
//   CLIENTS=10 FILES=5 WIDTH=640 HEIGHT=480 FILE_LIMIT=10000
//   FILE=/path/to/photo.jpg MIME=image/jpeg     instead of a PNG of noise
//
// Each client sends its files one after the other, by turns by the socket and straight to S3: a ticket from
// the media worker, a form posted to S3, and the word that it is there.

import exec from 'k6/execution';
import http from 'k6/http';

import { dropped, fileAckTime, files, filesFailed, fileTime, finished, thresholds } from './lib/metrics.js';
import { form, picture } from './lib/picture.js';
import { Socket } from './lib/socketio.js';
import { summaryOf, summaryTrendStats } from './lib/summary.js';
import { newRun, nodeOf, nodes, number, token } from './lib/target.js';

const clients = number('CLIENTS', 10);
const each = number('FILES', 5);
const limit = number('FILE_LIMIT', 10000);
const mime = __ENV.FILE ? __ENV.MIME || 'image/jpeg' : 'image/png';
const given = __ENV.FILE ? open(__ENV.FILE, 'b') : undefined;
/** How long a file's message may take before it counts as lost, in milliseconds. */
const PATIENCE = 60000;
const WAYS = ['socket', 'direct'];

export const options = {
  scenarios: { senders: { executor: 'per-vu-iterations', vus: clients, iterations: 1, maxDuration: `${each * 60 + 60}s` } },
  thresholds: thresholds(
    [finished, `count==${clients}`],
    [files, `count==${clients * each}`],
    [filesFailed, 'count==0'],
    [dropped, 'count==0'],
    ...WAYS.map((way) => [fileTime, `p(95)<${limit}`, `way:${way}`]),
  ),
  summaryTrendStats,
};

export function setup() {
  const answer = http.get(`${nodes[0]}/config.json`);
  const mediaUrl = answer.status === 200 ? answer.json('mediaUrl') : undefined;
  if (!mediaUrl) throw new Error(`${nodes[0]}/config.json names no media worker (${answer.status || answer.error}): set the nodes' MEDIA_URL`);
  return { run: newRun('media'), mediaUrl };
}

export default async function ({ run, mediaUrl }) {
  const index = exec.vu.idInTest - 1;
  const name = `${run}-u${index}`;
  const sender = new Sender(nodeOf(index), token(nodeOf(index), name), name, mediaUrl);
  await sender.enter();
  for (let n = 0; n < each; n += 1) {
    const way = WAYS[(index + n) % WAYS.length];
    const bytes = given || picture(number('WIDTH', 640), number('HEIGHT', 480), index * each + n + 1);
    try {
      await sender.send(way, bytes, `${n}`);
      files.add(1, { way });
    } catch (error) {
      console.error(`${name}: file ${n} by ${way}: ${error.message}`);
      filesFailed.add(1, { way });
    }
  }
  sender.socket.close();
  finished.add(1);
}

export const handleSummary = summaryOf('media');

/** One client with a room of its own. */
class Sender {
  constructor(node, bearer, room, mediaUrl) {
    this.bearer = bearer;
    this.room = room;
    this.mediaUrl = mediaUrl;
    /** By `filename`: who waits for its message. */
    this.waiting = {};
    this.socket = new Socket(node, { auth: { token: bearer } });
    this.socket.on('file-message', (message) => this.told(message.filename, message));
    this.socket.on('file-error', (error) => this.failed(error));
  }

  async enter() {
    await this.socket.accepted;
    this.socket.onEnd = (why) => {
      console.error(`${this.room}: ${why}`);
      dropped.add(1);
    };
    const ack = await this.socket.request('join-room', { room: this.room });
    if (ack.status !== 'success') throw new Error(`join-room: ${JSON.stringify(ack)}`);
  }

  /** Resolves when the file's message has come. */
  async send(way, bytes, filename) {
    const start = Date.now();
    const message = new Promise((resolve, reject) => {
      this.waiting[filename] = { resolve, reject };
    });
    // It may fail while something else is waited for.
    message.catch(() => {});
    const patience = setTimeout(() => this.waiting[filename].reject(new Error(`no message within ${PATIENCE} ms`)), PATIENCE);
    try {
      await (way === 'socket' ? this.bySocket(bytes, filename) : this.direct(bytes, filename));
      fileAckTime.add(Date.now() - start, { way });
      await message;
      fileTime.add(Date.now() - start, { way });
    } finally {
      clearTimeout(patience);
      delete this.waiting[filename];
    }
  }

  async bySocket(bytes, filename) {
    const about = { room: this.room, filename, clientMessageId: `${this.room}/${filename}` };
    const ack = await this.socket.request('send-file', bytes, about);
    if (ack.status !== 'success') throw new Error(JSON.stringify(ack));
  }

  async direct(bytes, filename) {
    const ticket = await this.ask('/media/uploads', { room: this.room, filename, mime, size: bytes.byteLength });
    const boundary = `starling-${Math.random().toString(36).slice(2)}`;
    const type = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    const posted = await http.asyncRequest('POST', ticket.url, form(ticket.fields, bytes, boundary), { headers: type });
    if (posted.status < 200 || posted.status > 299) throw new Error(`S3 answered ${posted.status || posted.error}: ${posted.body}`);
    await this.ask(`/media/uploads/${ticket.uploadId}/complete`);
  }

  /** A request to the media worker, where success is expected. */
  async ask(path, body) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.bearer}` };
    // The path holds the ticket: one name for all keeps k6's own series few.
    const tags = { name: body ? '/media/uploads' : '/media/uploads/{id}/complete' };
    const answer = await http.asyncRequest('POST', this.mediaUrl + path, body ? JSON.stringify(body) : null, { headers, tags });
    if (answer.status < 200 || answer.status > 299) throw new Error(`${tags.name} answered ${answer.status || answer.error}: ${answer.body}`);
    return answer.json();
  }

  told(filename, message) {
    if (this.waiting[filename]) this.waiting[filename].resolve(message);
  }

  /** Files go one at a time, so that the one that waits is meant. */
  failed(error) {
    for (const filename of Object.keys(this.waiting)) this.waiting[filename].reject(new Error(JSON.stringify(error)));
  }
}
