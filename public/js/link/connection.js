// The Socket.IO connection: what it hears becomes steps of the chat, and a token that ran out is renewed once.

/** `connect_error` messages that only another token can mend. */
const TOKEN_ERRORS = new Set(['Authentication required', 'Invalid or expired token']);
/** Wait before the next attempt when not even a new token can be had, in milliseconds. */
const RETRY_TOKEN_AFTER = 2_000;

/**
 * Loads the client that the node serves.
 * @throws {Error} with a sentence for people
 */
export async function loadClient() {
  try {
    return (await import('/vendor/socket.io.esm.min.js')).io;
  } catch (cause) {
    throw new Error('This server does not offer its Socket.IO client at /vendor/socket.io.esm.min.js.', { cause });
  }
}

export class Connection {
  #socket;
  #session;
  #run;
  #signedOut;
  #renewed = false;

  /**
   * @param {Function} io of socket.io-client
   * @param {object} with_
   * @param {{ token: string, renew: (() => Promise<string>) | null }} with_.session
   * @param {() => Record<string, number>} with_.positions read at every (re)connect
   * @param {(step: Function) => void} with_.run takes steps of the chat
   * @param {(sentence: string) => void} with_.signedOut the token is of no use any more
   */
  constructor(io, { session, positions, run, signedOut }) {
    this.#session = session;
    this.#run = run;
    this.#signedOut = signedOut;
    this.#socket = io({
      auth: (give) => give({ token: session.token, rooms: positions() }),
      autoConnect: false,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 300,
      reconnectionDelayMax: 4_000,
      timeout: 8_000,
    });
    this.#listen();
  }

  open() {
    this.#socket.connect();
  }

  /** Ends the wait before the next attempt. */
  tryNow() {
    if (!this.#socket.connected) this.#socket.disconnect().connect();
  }

  close() {
    this.#socket.disconnect();
  }

  /** @param {(ack: object | null) => void} [answer] gets null if no ack came `within` so many milliseconds */
  emit(event, payload, answer, within) {
    if (!answer) this.#socket.emit(event, payload);
    else this.#socket.timeout(within).emit(event, payload, (error, ack) => answer(error ? null : ack));
  }

  /**
   * Sends a file with an event. One that is read only when the connection it was meant for has gone is not sent:
   * the loss of that connection has told everyone, and who wants it sent again says so.
   * @param {Promise<ArrayBuffer>} bytes
   */
  async emitFile(event, bytes, payload, answer, within) {
    const { id } = this.#socket;
    const read = await bytes.catch(() => null);
    if (this.#socket.id !== id || !this.#socket.connected) return;
    if (read === null) answer({ status: 'error', code: 'invalid', message: 'the file cannot be read any more; choose it again' });
    else this.#socket.timeout(within).emit(event, read, payload, (error, ack) => answer(error ? null : ack));
  }

  #listen() {
    const socket = this.#socket;
    const on = (event, step) => socket.on(event, (payload) => this.#run((chat, now) => step(chat, payload, now)));
    on('chat-message', (chat, message, now) => chat.message(message, now));
    on('file-message', (chat, message, now) => chat.message(message, now));
    on('file-error', (chat, error, now) => chat.files.error(error, now));
    on('user-list', (chat, list) => chat.userList(list));
    on('presence', (chat, change) => chat.presence(change));
    on('typing', (chat, typer, now) => chat.typing(typer, now));
    on('recovered', (chat, end, now) => chat.recovered(end, now));
    on('admin-announcement', (chat, announcement) => chat.announced(announcement));

    socket.on('connect', () => {
      this.#renewed = false;
      this.#run((chat, now) => chat.connected(now));
    });
    socket.on('disconnect', () => {
      const how = { final: !socket.active, online: navigator.onLine };
      this.#run((chat, now) => chat.disconnected(how, now));
    });
    socket.on('connect_error', (error) => this.#failed(error));
    window.addEventListener('online', () => {
      this.#run((chat) => chat.networkBack());
      this.tryNow();
    });
  }

  #failed(error) {
    this.#run((chat) => chat.attemptFailed({ online: navigator.onLine }));
    // While `active` the client tries again by itself; a refusal by the server it leaves to us.
    if (this.#socket.active) return;
    if (TOKEN_ERRORS.has(error.message)) this.#renew();
    else setTimeout(() => this.open(), RETRY_TOKEN_AFTER);
  }

  async #renew() {
    if (this.#renewed || this.#session.renew === null) {
      this.#signedOut('Your session has ended. Enter again to go on.');
      return;
    }
    try {
      this.#session.token = await this.#session.renew();
      this.#renewed = true;
    } catch {
      // The next refusal, or success, comes from the server itself.
    }
    setTimeout(() => this.open(), this.#renewed ? 0 : RETRY_TOKEN_AFTER);
  }
}
