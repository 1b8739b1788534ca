// Between the page and its node: answers in the node's place where a test wants it to.

/** `42`, the ack's number where one is wanted, and the event as JSON (Engine.IO 4, Socket.IO 5). */
const EVENT = /^42(\d*)(\[[^]*\])$/;

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
