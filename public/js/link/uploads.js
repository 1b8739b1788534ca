// The direct way of a file: a ticket from the media worker, the bytes to its address, the word that they are there.
// Each step answers with what the server said, as `{ status, … }` and on failure the HTTP status as `http`; null
// where nothing was heard.

/** How long the media worker may take to answer, in milliseconds. */
const TICKET_WITHIN = 20_000;
const COMPLETE_WITHIN = 60_000;
/** An upload in which nothing moves for so long is given up. */
const STALLED_AFTER = 30_000;

export class Uploads {
  #session;
  #running = new Map();
  /** The media worker's address; set before anything is uploaded. @type {string | null} */
  base = null;

  /** @param {{ token: string, renew: (() => Promise<string>) | null }} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * @param {object} effect of `model/files.js`
   * @param {Blob | null} file the bytes, where it is they that go
   * @param {(outcome: object | null) => void} answer not called once the entry is aborted
   */
  async start({ upload, id, request, ticket, uploadId, progress }, file, answer) {
    const stop = new AbortController();
    this.#running.set(id, stop);
    const steps = {
      ask: () => this.#ask('/media/uploads', request, TICKET_WITHIN, stop.signal),
      post: () => post(ticket, file, progress, stop.signal),
      complete: () => this.#ask(`/media/uploads/${encodeURIComponent(uploadId)}/complete`, undefined, COMPLETE_WITHIN, stop.signal),
    };
    const outcome = await steps[upload]();
    if (this.#running.get(id) === stop) this.#running.delete(id);
    if (!stop.signal.aborted) answer(outcome);
  }

  abort(id) {
    this.#running.get(id)?.abort();
    this.#running.delete(id);
  }

  async #ask(path, body, within, signal) {
    const first = await this.#fetch(path, body, within, signal);
    if (first?.http !== 401 || this.#session.renew === null) return first;
    try {
      this.#session.token = await this.#session.renew();
    } catch {
      return first;
    }
    return this.#fetch(path, body, within, signal);
  }

  async #fetch(path, body, within, signal) {
    try {
      const response = await fetch(this.base + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#session.token}`, ...(body && { 'content-type': 'application/json' }) },
        body: body && JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(within)]),
      });
      return answerOf(response.status, await response.json().catch(() => null));
    } catch {
      return null;
    }
  }
}

/** What a gateway in between says without the server's words has some of ours. */
function answerOf(http, body) {
  if (body?.status === 'success') return body;
  if (body?.status === 'error') return { ...body, http };
  return withoutWords(http);
}

function withoutWords(http) {
  if (http >= 500 || http === 408 || http === 429) return { status: 'error', code: 'unavailable', message: 'the server is busy', http };
  return { status: 'error', code: 'forbidden', message: `the upload was refused (HTTP ${http})`, http };
}

/** Only XMLHttpRequest tells how much of a body has left. */
function post({ url, fields }, file, progress, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', file);
  const request = new XMLHttpRequest();
  return new Promise((resolve) => {
    let stall;
    const alive = () => {
      clearTimeout(stall);
      stall = setTimeout(() => request.abort(), STALLED_AFTER);
    };
    request.upload.addEventListener('progress', ({ lengthComputable, loaded, total }) => {
      alive();
      if (lengthComputable && total > 0) progress(loaded / total);
    });
    request.addEventListener('loadend', () => {
      clearTimeout(stall);
      resolve(postedOf(request.status));
    });
    signal.addEventListener('abort', () => request.abort());
    alive();
    request.open('POST', url);
    request.send(form);
  });
}

function postedOf(http) {
  if (http >= 200 && http < 300) return { status: 'success' };
  return http === 0 ? null : withoutWords(http);
}
