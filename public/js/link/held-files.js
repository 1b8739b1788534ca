// The files that were chosen, in memory until they are sent, each with an address under which the page shows it.

/** How long a sent file is kept for its own row, until the stored one has loaded, in milliseconds. */
const KEEP_SENT = 30_000;

export class HeldFiles {
  #held = new Map();
  #sent = new Map();

  /** @param {string} id @param {Blob} file */
  add(id, file) {
    this.#held.set(id, { file, url: URL.createObjectURL(file) });
  }

  /** The bytes of a file that was added. @returns {Blob} */
  fileOf(id) {
    const held = this.#held.get(id);
    if (!held) throw new Error(`no file is held as ${id}`);
    return held.file;
  }

  /** The address of a file that is on its way. @returns {string | null} */
  urlOf(id) {
    return this.#held.get(id)?.url ?? null;
  }

  /** The address of a file of one's own that was stored a moment ago. @returns {string | null} */
  urlOfSent(mediaId) {
    return this.urlOf(this.#sent.get(mediaId));
  }

  /** It is stored as `mediaId`; `done` where nobody will send its bytes again. */
  keep(id, mediaId, done) {
    this.#sent.set(mediaId, id);
    if (!done) return;
    setTimeout(() => {
      this.#sent.delete(mediaId);
      if (![...this.#sent.values()].includes(id)) this.drop(id);
    }, KEEP_SENT);
  }

  drop(id) {
    const held = this.#held.get(id);
    if (held) URL.revokeObjectURL(held.url);
    this.#held.delete(id);
  }

  /** Width and height of a picture as it will be shown; null for one that this browser cannot show. */
  async frameOf(id) {
    const image = new Image();
    image.src = this.urlOf(id);
    const shown = await image.decode().then(() => true, () => false);
    return shown && image.naturalWidth > 0 ? { width: image.naturalWidth, height: image.naturalHeight } : null;
  }
}
