// Carries out what the chat decides: emits, uploads, saves, and wakes it when time is due.

/** An event without an ack after this many milliseconds is "not known to have happened". */
const ACK_WITHIN = 10_000;
/** Timers hold at most 31 bits of milliseconds. */
const LONGEST_SLEEP = 2_000_000_000;

export class Runner {
  #chat;
  #emit;
  #files;
  #save;
  #changed;
  #timer = null;

  /**
   * @param {import('../model/chat.js').Chat} chat
   * @param {object} out
   * @param {(event: string, payload: object, answer?: (ack: object | null) => void, within?: number) => void} out.emit
   * @param {(effect: object, answer: ((outcome: object | null) => void) | undefined) => void} out.files does what
   *   `model/files.js` wants done with files
   * @param {(part: string, chat: object) => void} out.save
   * @param {() => void} out.changed told after every step
   */
  constructor(chat, { emit, files, save, changed }) {
    this.#chat = chat;
    this.#emit = emit;
    this.#files = files;
    this.#save = save;
    this.#changed = changed;
  }

  /**
   * One step: something happened, or a person wants something.
   * @param {(chat: import('../model/chat.js').Chat, now: number) => object[]} step
   */
  run(step) {
    const effects = step(this.#chat, Date.now());
    for (const part of new Set(effects.map((effect) => effect.save))) if (part) this.#save(part, this.#chat);
    for (const effect of effects) if (!effect.save) this.#carryOut(effect);
    this.#arm();
    this.#changed();
  }

  #carryOut(effect) {
    const { emit, payload, file, answer, progress } = effect;
    const heard = answer && ((outcome) => this.run((_, now) => answer(outcome, now)));
    if (emit && file === undefined) this.#emit(emit, payload, heard, ACK_WITHIN);
    else this.#files(progress ? { ...effect, progress: (part) => this.run(() => progress(part)) } : effect, heard);
  }

  #arm() {
    clearTimeout(this.#timer);
    const due = this.#chat.nextTick();
    if (due === null) return;
    const sleep = Math.min(Math.max(0, due - Date.now()), LONGEST_SLEEP);
    this.#timer = setTimeout(() => this.run((chat, now) => chat.tick(now)), sleep);
  }
}
