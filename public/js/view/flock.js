// A murmuration on a canvas. Every bird drifts in one slow, folding flow; nothing is simulated, so any number of
// birds costs the same each frame and a still picture is only a moment of it.

const FRAME = 1000 / 40;

/** Each bird's place, dense in the middle and loose at the rim; the same ones every time. */
function places(count) {
  return Array.from({ length: count }, (_, index) => {
    const up = 1 - 2 * fraction(index * 0.754877 + 0.5);
    const around = Math.PI * 2 * fraction(index * 0.569840 + 0.25);
    const flat = Math.sqrt(1 - up * up);
    const out = 0.08 + 1.12 * fraction(index * 0.618034) ** 0.8;
    return [Math.cos(around) * flat * out, up * out, Math.sin(around) * flat * out, 0.75 + 0.5 * fraction(index * 0.414214)];
  });
}

function fraction(number) {
  return number - Math.floor(number);
}

/** Where a bird is at a time, with the flock's middle at 0: folded twice by slow waves. */
function drift([x, y, z], t) {
  const ax = x + 0.55 * Math.sin(1.5 * y + 0.31 * t) + 0.24 * Math.sin(2.6 * z - 0.43 * t);
  const ay = y + 0.42 * Math.sin(1.7 * z + 0.27 * t + 1) + 0.22 * Math.sin(2.3 * ax + 0.39 * t);
  const az = z + 0.5 * Math.sin(1.4 * ax + 0.23 * t + 2);
  const turn = 0.11 * t;
  return [ax * Math.cos(turn) - az * Math.sin(turn), ay, ax * Math.sin(turn) + az * Math.cos(turn)];
}

export class Flock {
  #canvas;
  #birds = [];
  #reach;
  #size;
  #center;
  #time;
  #speed;
  #hurry = 0;
  #last = 0;
  #frame = null;
  #still = window.matchMedia('(prefers-reduced-motion: reduce)');
  #observer = new ResizeObserver(() => this.#fit());

  /**
   * @param {HTMLCanvasElement} canvas takes its colour from the CSS `color`
   * @param {object} how
   * @param {number} how.count birds
   * @param {number} how.size of a bird, in CSS pixels
   * @param {[number, number]} how.reach how far the flock spreads, as parts of width and height
   * @param {[number, number]} [how.center] where it hovers, as parts of width and height
   * @param {number} [how.speed]
   * @param {number} [how.time] the moment to begin with
   */
  constructor(canvas, { count, size, reach, center = [0.5, 0.5], speed = 1, time = 40 }) {
    this.#canvas = canvas;
    this.#size = size;
    this.#reach = reach;
    this.#center = center;
    this.#speed = speed;
    this.#time = time;
    this.setCount(count);
    this.#observer.observe(canvas);
    document.addEventListener('appearance', () => this.#draw());
    this.#still.addEventListener('change', () => (this.#still.matches ? this.pause() : undefined));
  }

  setCount(count, size = this.#size) {
    if (count === this.#birds.length) return;
    this.#size = size;
    this.#birds = places(count);
    this.#draw();
  }

  /** Flies until `pause`; with reduced motion it stays a picture. */
  fly() {
    if (this.#frame !== null || this.#still.matches) return;
    const step = (now) => {
      this.#frame = requestAnimationFrame(step);
      const passed = now - this.#last;
      if (passed < FRAME) return;
      this.#last = now;
      this.#hurry *= 0.94;
      this.#time += (Math.min(passed, 100) / 1000) * this.#speed * (1 + this.#hurry);
      this.#draw();
    };
    this.#frame = requestAnimationFrame(step);
  }

  pause() {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
  }

  /** A gust: the flock hurries for a moment. */
  stir() {
    this.#hurry = Math.min(this.#hurry + 1.4, 5);
  }

  #fit() {
    const { clientWidth, clientHeight } = this.#canvas;
    const density = Math.min(window.devicePixelRatio, 2);
    this.#canvas.width = Math.round(clientWidth * density);
    this.#canvas.height = Math.round(clientHeight * density);
    this.#draw();
  }

  /** Draws the present moment. */
  #draw() {
    const { width, height, clientWidth } = this.#canvas;
    const pen = this.#canvas.getContext('2d');
    if (!pen || clientWidth === 0) return;
    const density = width / clientWidth;
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = getComputedStyle(this.#canvas).color;
    for (const place of this.#birds) this.#drawBird(pen, place, width, height, density);
    pen.globalAlpha = 1;
  }

  #drawBird(pen, place, width, height, density) {
    const [x, y, z] = drift(place, this.#time);
    const [wasX, wasY] = drift(place, this.#time - 0.08);
    const near = 1 / (1.9 - 0.55 * z);
    const px = (this.#center[0] + x * this.#reach[0] * near * 1.6) * width;
    const py = (this.#center[1] + y * this.#reach[1] * near * 1.6) * height;
    const length = this.#size * place[3] * near * 1.9 * density;
    pen.globalAlpha = Math.min(1, 0.25 + 0.75 * near * near * 1.7);
    pen.beginPath();
    pen.ellipse(px, py, length, length * 0.42, Math.atan2(y - wasY, x - wasX), 0, Math.PI * 2);
    pen.fill();
  }
}
