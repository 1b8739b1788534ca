// The microphone: records it in a form that the server takes, and tells how loud it is.

import { isOver, recordingType, SHORTEST } from '../model/recording.js';
import { levelOf } from '../model/sound.js';

/** Enough for a voice. */
const BITS_PER_SECOND = 32_000;
/** How often the recorder hands over what it has, in milliseconds: so that its size is known. */
const SLICE = 1_000;

/** Why there is no recording; `name` is one that `problemWords` knows. */
export class NoRecording extends Error {
  constructor(name, options) {
    super(`no recording: ${name}`, options);
    this.name = name;
  }
}

export class Recording {
  #stream;
  #recorder;
  #sound;
  #samples;
  #context;
  #chunks = [];
  #ended;
  #until = null;
  since = Date.now();

  /** Asks for the microphone and begins. @throws {NoRecording} */
  static async begin() {
    if (!navigator.mediaDevices?.getUserMedia) throw new NoRecording(window.isSecureContext ? 'Unsupported' : 'Insecure');
    const form = window.MediaRecorder ? recordingType((type) => MediaRecorder.isTypeSupported(type)) : null;
    if (form === null) throw new NoRecording('Unsupported');
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch((cause) => {
      throw new NoRecording(cause.name, { cause });
    });
    try {
      return new Recording(stream, form);
    } catch (cause) {
      for (const track of stream.getTracks()) track.stop();
      throw new NoRecording('Unsupported', { cause });
    }
  }

  /** @param {MediaStream} stream @param {{ type: string, ending: string }} form */
  constructor(stream, { type, ending }) {
    this.ending = ending;
    this.#stream = stream;
    this.#recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.addEventListener('dataavailable', ({ data }) => this.#heard(data));
    this.#ended = new Promise((resolve) => {
      this.#recorder.addEventListener('stop', () => {
        this.#until = Date.now();
        this.#close();
        resolve();
      });
    });
    this.#listen();
    this.#recorder.start(SLICE);
    this.since = Date.now();
  }

  /** Resolves when it has ended, by whomever: a person, its length, or a microphone that was pulled out. */
  get ended() {
    return this.#ended;
  }

  /** How loud it is now, 0 to 1. */
  level() {
    this.#sound.getFloatTimeDomainData(this.#samples);
    return levelOf(this.#samples);
  }

  stop() {
    if (this.#recorder.state !== 'inactive') this.#recorder.stop();
  }

  /** What was recorded, once it has ended; null for a slip of the finger. */
  note() {
    const blob = new Blob(this.#chunks, { type: this.#recorder.mimeType });
    return blob.size === 0 || this.#until - this.since < SHORTEST ? null : blob;
  }

  #heard(data) {
    this.#chunks.push(data);
    const bytes = this.#chunks.reduce((sum, { size }) => sum + size, 0);
    if (isOver(this.since, bytes, Date.now())) this.stop();
  }

  #listen() {
    this.#context = new AudioContext();
    this.#sound = this.#context.createAnalyser();
    this.#sound.fftSize = 1024;
    this.#samples = new Float32Array(this.#sound.fftSize);
    this.#context.createMediaStreamSource(this.#stream).connect(this.#sound);
  }

  #close() {
    for (const track of this.#stream.getTracks()) track.stop();
    void this.#context.close();
  }
}
