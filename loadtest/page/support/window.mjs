// One browser window with the page in it: what a person does and sees there. Waits for the page, never for time.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { nodes } from '../../e2e/support/stack.mjs';

const ARTIFACTS = process.env.STARLING_ARTIFACTS || fileURLToPath(new URL('../../../artifacts', import.meta.url));
/** What the console says while the network is away. */
export const NETWORK = /net::ERR_|WebSocket connection to .* failed|status of 50[0-9]/;

export class Window {
  /** What the page complained about: errors, and violations of the content security policy. */
  complaints = [];

  /**
   * @param {import('node:test').TestContext} t the window is closed at its end, and must not have complained
   * @param {import('playwright-core').Browser} browser
   * @param {object} [options]
   * @param {number} [options.node] index of the node
   * @param {import('playwright-core').BrowserContext} [options.profile] shared with another window
   * @param {RegExp} [options.expects] complaints that the test provokes
   * @param {object} [options.look] viewport, colour scheme and the like
   */
  static async open(t, browser, { node = 0, profile, expects, look = {} } = {}) {
    const context = profile ?? (await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...look }));
    const page = await context.newPage();
    const window = new Window(page, context, node);
    await window.#watch();
    t.after(async () => {
      await (profile ? page.close() : context.close());
      assert.deepEqual(window.complaints.filter((text) => !expects?.test(text)), []);
    });
    return window;
  }

  constructor(page, context, node) {
    this.page = page;
    this.context = context;
    this.node = node;
  }

  async #watch() {
    this.page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    await this.page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        console.error(`content security policy: ${violatedDirective} forbids ${blockedURI}`);
      });
    });
  }

  part(testId) {
    return this.page.getByTestId(testId);
  }

  // ---- what a person does ----

  async visit(fragment = '') {
    await this.page.goto(`${nodes[this.node]}/${fragment}`);
  }

  /** Enters under a name and waits for the connection. */
  async enter(name) {
    this.name = name;
    await this.visit();
    await this.part('login-name').fill(name);
    await this.part('enter').click();
    await this.standing('connected');
  }

  /** Joins a room and waits until it is open. */
  async join(room) {
    await this.part('join-name').fill(room);
    await this.part('join-name').press('Enter');
    await this.part('room-title').filter({ hasText: room }).waitFor();
    await this.inside(room);
  }

  /** Enters under a name and joins one room. */
  async arrive(name, room) {
    await this.enter(name);
    await this.join(room);
  }

  async write(text) {
    await this.part('composer').fill(text);
    await this.part('composer').press('Enter');
  }

  /** Writes and waits until it is stored. */
  async say(text) {
    await this.write(text);
    await this.message(text, 'stored').waitFor();
  }

  // ---- what a person sees ----

  /** Waits for a state of the connection, or one of several; looks with every frame, as some pass quickly. */
  async standing(...states) {
    const shown = (wanted) => wanted.includes(document.querySelector('[data-testid=connection-state]')?.dataset.state);
    await this.page.waitForFunction(shown, states, { polling: 'raf' });
  }

  /** Waits until the room takes messages: those present count oneself. */
  async inside(room) {
    await this.part('room-title').getByText(room, { exact: true }).waitFor();
    await this.part('person').filter({ hasText: 'you' }).waitFor();
  }

  /** The message with exactly this text, in this state where one is given. */
  message(text, state) {
    const items = state ? this.page.locator(`[data-testid=message][data-state=${state}]`) : this.part('message');
    return items.filter({ has: this.page.locator('.text').getByText(text, { exact: true }) });
  }

  /** All messages shown: `{ seq, state, text }`, from top to bottom. */
  messages() {
    return this.part('message').evaluateAll((items) =>
      items.map((item) => ({ seq: Number(item.dataset.seq), state: item.dataset.state, text: item.querySelector('.text').textContent })),
    );
  }

  async texts() {
    return (await this.messages()).map(({ text }) => text);
  }

  /** Waits until exactly these names stand in the list of people. */
  async present(...names) {
    const sorted = [...names].sort();
    await this.page.waitForFunction((expected) => {
      const shown = [...document.querySelectorAll('[data-testid=person] .person-name')].map((name) => name.textContent);
      return JSON.stringify(shown.sort()) === JSON.stringify(expected);
    }, sorted);
  }

  /** Keeps a picture of the page among the artefacts. */
  async picture(name) {
    mkdirSync(ARTIFACTS, { recursive: true });
    await this.page.evaluate(() => document.fonts.ready);
    await this.page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
  }
}
