// The chat's connection: what the server sends becomes steps of the chat.

import { Line } from './line.js';

export class Connection extends Line {
  /**
   * @param {Function} io of socket.io-client
   * @param {object} with_ as `Line` takes it, and
   * @param {() => Record<string, number>} with_.positions read at every (re)connect
   */
  constructor(io, { positions, ...with_ }) {
    super(io, { ...with_, auth: () => ({ rooms: positions() }) });
    this.on('chat-message', (chat, message, now) => chat.message(message, now));
    this.on('file-message', (chat, message, now) => chat.message(message, now));
    this.on('file-error', (chat, error, now) => chat.files.error(error, now));
    this.on('user-list', (chat, list) => chat.userList(list));
    this.on('presence', (chat, change) => chat.presence(change));
    this.on('typing', (chat, typer, now) => chat.typing(typer, now));
    this.on('recovered', (chat, end, now) => chat.recovered(end, now));
    this.on('admin-announcement', (chat, announcement) => chat.announced(announcement));
    this.on('auth-error', (chat, { message }) => this.leave(chat, message));
  }

  /**
   * Sends a file with an event. One that is read only when the connection it was meant for has gone is not sent:
   * the loss of that connection has told everyone, and who wants it sent again says so.
   * @param {Promise<ArrayBuffer>} bytes
   */
  async emitFile(event, bytes, payload, answer, within) {
    const { id } = this.socket;
    const read = await bytes.catch(() => null);
    if (this.socket.id !== id || !this.socket.connected) return;
    if (read === null) answer({ status: 'error', code: 'invalid', message: 'the file cannot be read any more; choose it again' });
    else this.socket.timeout(within).emit(event, read, payload, (error, ack) => answer(error ? null : ack));
  }
}
