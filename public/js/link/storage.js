// What this browser remembers, and for how long: a window's person and unsent messages live as long as the
// window, rooms and read positions longer. Everything works without storage, it is only forgotten sooner.

const PREFIX = 'starling.';

class Shelf {
  #open;

  /** @param {() => Storage} open throws where storage is forbidden */
  constructor(open) {
    this.#open = open;
  }

  /** The value that `put` kept, or `otherwise` if there is none or it cannot be read. */
  get(key, otherwise) {
    try {
      return JSON.parse(this.#open().getItem(PREFIX + key)) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  put(key, value) {
    try {
      this.#open().setItem(PREFIX + key, JSON.stringify(value));
    } catch {
      // Full or forbidden: the page goes on without a memory.
    }
  }

  drop(key) {
    try {
      this.#open().removeItem(PREFIX + key);
    } catch {
      // As above.
    }
  }
}

/** As long as this window or tab. */
export const windowShelf = new Shelf(() => sessionStorage);
/** Over windows and days, for this browser profile. */
export const profileShelf = new Shelf(() => localStorage);
