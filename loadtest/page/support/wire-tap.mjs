// Between the page and its node: answers in the node's place where a test wants it to.

/** `42`, the ack's number where one is wanted, and the event as JSON (Engine.IO 4, Socket.IO 5). */
const EVENT = /^42(\d*)(\[[^]*\])$/;

/** A file's event, whose bytes follow in the next frame: `451-`, the ack's number, and the event as JSON. */
const FILE = /^451-(\d+)\["send-file"/;

/**
 * @param {import('playwright-core').Page} page
 * @param {(event: string, payload: any, answer: (ack: object) => void) => boolean} intercept
 *   `true` keeps the event from the node
 */
export async function tapEvents(page, intercept) {
  await page.routeWebSocket(/\/socket\.io\//, (client) => {
    const server = client.connectToServer();
    client.onMessage((frame) => {
      const [, number, json] = (typeof frame === 'string' && EVENT.exec(frame)) || [];
      const [event, payload] = json ? JSON.parse(json) : [];
      const answer = (ack) => client.send(`43${number}${JSON.stringify([ack])}`);
      if (!json || !intercept(event, payload, answer)) server.send(frame);
    });
  });
}

/** Refuses the first `times` connections to the namespace with this `connect_error`. */
export async function refuseConnections(page, times, message) {
  let left = times;
  await page.routeWebSocket(/\/socket\.io\//, (client) => {
    const server = client.connectToServer();
    client.onMessage((frame) => {
      if (typeof frame !== 'string' || !frame.startsWith('40') || left === 0) return server.send(frame);
      left -= 1;
      client.send(`44${JSON.stringify({ message })}`);
    });
  });
}

/**
 * Cuts the connection at the first file, once, before the page hears what became of it.
 * @param {boolean} delivered whether the node gets the file
 */
export async function cutAtFile(page, delivered) {
  let cut = false;
  await page.routeWebSocket(/\/socket\.io\//, (client) => {
    const server = client.connectToServer();
    let answering = null;
    server.onMessage((frame) => {
      // The ack of the file, by its number.
      if (answering !== null && typeof frame === 'string' && frame.startsWith(answering)) return void client.close();
      client.send(frame);
    });
    client.onMessage((frame) => {
      const [, number] = (!cut && typeof frame === 'string' && FILE.exec(frame)) || [];
      if (number === undefined) return server.send(frame);
      cut = true;
      if (!delivered) return void client.close();
      answering = `43${number}`;
      server.send(frame);
    });
  });
}
