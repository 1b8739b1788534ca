// One Socket.IO connection, kept up: what becomes of it turns into steps of a model (`connected`, `disconnected`,
// `attemptFailed`, `networkBack`, `sentAway`, `tryAgain`). A token that ran out is renewed once. Who was sent away by
// the server stays away until a person wants otherwise.

/** `connect_error` messages that only another token can mend. */
const TOKEN_ERRORS = new Set(['Authentication required', 'Invalid or expired token']);
/** How the `connect_error` of somebody begins who is kept out. */
const BANNED = 'You are banned';
/** Wait before the next attempt after a refusal, or when no new token can be had, in milliseconds. */
const RETRY_AFTER = 2_000;

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

export class Line {
  /** For what a subclass sends in ways of its own. */
  socket;
  #session;
  #run;
  #signedOut;
  #renewed = false;
  #sentAway = false;

  /**
   * @param {Function} io of socket.io-client
   * @param {object} with_
   * @param {string} [with_.namespace]
   * @param {{ token: string, renew: (() => Promise<string>) | null }} with_.session
   * @param {() => object} [with_.auth] what the handshake says beside the token, asked at every (re)connect
   * @param {(step: Function) => void} with_.run takes steps of the model
   * @param {(sentence: string) => void} with_.signedOut the token is of no use any more
   */
  constructor(io, { namespace = '/', session, auth = () => ({}), run, signedOut }) {
    this.#session = session;
    this.#run = run;
    this.#signedOut = signedOut;
    this.socket = io(namespace, {
      auth: (give) => give({ token: session.token, ...auth() }),
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
    this.socket.connect();
  }

  /** A person wants it now: ends the wait before the next attempt, or the staying away. */
  tryNow() {
    this.#sentAway = false;
    this.#run((model) => model.tryAgain());
    this.#reopen();
  }

  /** For good. */
  close() {
    this.#sentAway = true;
    this.socket.disconnect();
  }

  /** @param {(model: object, payload: any, now: number) => object[]} step */
  on(event, step) {
    this.socket.on(event, (payload) => this.#run((model, now) => step(model, payload, now)));
  }

  /** @param {(ack: object | null) => void} [answer] gets null if no ack came `within` so many milliseconds */
  emit(event, payload, answer, within) {
    if (!answer) this.socket.emit(event, payload);
    else this.socket.timeout(within).emit(event, payload, (error, ack) => answer(error ? null : ack));
  }

  /** The server's last words: the connection is over, and its end does not have to be waited for. */
  leave(model, message) {
    this.#sentAway = true;
    const effects = model.sentAway(message);
    // After this step, as the end is the next one.
    queueMicrotask(() => this.socket.disconnect());
    return effects;
  }

  #listen() {
    this.socket.on('connect', () => {
      this.#renewed = false;
      this.#run((model, now) => model.connected(now));
    });
    this.socket.on('disconnect', () => {
      const how = { final: !this.socket.active, online: navigator.onLine };
      this.#run((model, now) => model.disconnected(how, now));
    });
    this.socket.on('connect_error', (error) => this.#failed(error));
    window.addEventListener('online', () => {
      if (this.#sentAway) return;
      this.#run((model) => model.networkBack());
      this.#reopen();
    });
  }

  #reopen() {
    if (!this.socket.connected) this.socket.disconnect().connect();
  }

  #failed({ message }) {
    const refused = !this.socket.active;
    if (refused && message.startsWith(BANNED)) {
      this.#run((model) => this.leave(model, message));
      return;
    }
    const tokenRefused = refused && TOKEN_ERRORS.has(message);
    if (tokenRefused && (this.#renewed || this.#session.renew === null)) {
      this.#signedOut('Your session has ended. Enter again to go on.');
      return;
    }
    this.#run((model) => model.attemptFailed({ online: navigator.onLine }));
    // While `active` the client tries again by itself; a refusal by the server it leaves to us.
    if (tokenRefused) void this.#renew();
    else if (refused) this.#openLater(RETRY_AFTER);
  }

  async #renew() {
    try {
      this.#session.token = await this.#session.renew();
      this.#renewed = true;
    } catch {
      // The next refusal, or success, comes from the server itself.
    }
    this.#openLater(this.#renewed ? 0 : RETRY_AFTER);
  }

  #openLater(wait) {
    setTimeout(() => {
      if (!this.#sentAway) this.open();
    }, wait);
  }
}
