// Where the reader is in the log: at the newest message, or at a place that must not move under the eyes.

/** So close to the end, in pixels, one is reading the newest message. */
const AT_END = 40;

export class LogScroll {
  #log;
  #list;
  #places = new Map();
  #top = 0; // as it was when last looked at
  /** Whether the reader stays with the newest message. */
  pinned = true;

  /** @param {() => void} moved told when a person scrolls */
  constructor(log, list, moved) {
    this.#log = log;
    this.#list = list;
    log.addEventListener('scroll', () => this.#scrolled(moved), { passive: true });
    // The keyboard of a phone, a growing composer and late pictures all change what fits.
    const observer = new ResizeObserver(() => this.#stay());
    observer.observe(log);
    observer.observe(list);
  }

  /** Runs `draw` and puts what the reader was looking at back where it was. */
  around(draw) {
    this.#look();
    const anchor = this.pinned ? null : this.#firstInView();
    // Its lower edge: what stands above its text goes when it is no longer the first of its group.
    const before = anchor?.getBoundingClientRect().bottom;
    draw();
    if (this.pinned) this.#toEnd();
    else if (anchor?.isConnected) this.#to(this.#log.scrollTop + anchor.getBoundingClientRect().bottom - before);
  }

  toNewest() {
    this.pinned = true;
    this.#toEnd();
  }

  /** Remembers the place in a room that is being left. */
  keep(room) {
    this.#places.set(room, this.pinned ? null : this.#log.scrollHeight - this.#log.scrollTop);
  }

  /** A room is shown for the first time since it was left: at the "New" line if it is out of view, else where one was. */
  arrive(room, newLine) {
    const kept = this.#places.get(room) ?? null;
    this.toNewest();
    if (newLine && newLine.offsetTop < this.#log.scrollTop) this.#to(newLine.offsetTop - this.#log.clientHeight / 5);
    else if (kept !== null) this.#to(this.#log.scrollHeight - kept);
    this.pinned = this.#isAtEnd();
  }

  #scrolled(moved) {
    this.#look();
    moved();
  }

  /** A person's scrolling counts from when it happens; its event comes a frame later. */
  #look() {
    if (this.#log.scrollTop === this.#top) return;
    this.#top = this.#log.scrollTop;
    this.pinned = this.#isAtEnd();
  }

  #stay() {
    this.#look();
    if (this.pinned) this.#toEnd();
  }

  #toEnd() {
    this.#to(this.#log.scrollHeight);
  }

  #to(top) {
    this.#log.scrollTop = top;
    // What the browser made of it: whole pixels, within bounds.
    this.#top = this.#log.scrollTop;
  }

  #isAtEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight <= AT_END;
  }

  /** The first message in view, by bisection. Dividers are no hold: a day's moves up as older messages come. */
  #firstInView() {
    const rows = this.#list.querySelectorAll('.message');
    const top = this.#log.getBoundingClientRect().top;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return rows[low] ?? null;
  }
}
