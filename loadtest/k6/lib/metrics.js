// What the scripts count and time, and which of it must hold in every run.

import { Counter, Trend } from 'k6/metrics';

/** From when a connection was due until the server has accepted it. */
export const connectTime = new Trend('starling_connect_time', true);
/** From when a message was due until it is acknowledged as stored. */
export const ackTime = new Trend('starling_ack_time', true);
/** From when a message was due until it has come to a member. */
export const deliveryTime = new Trend('starling_delivery_time', true);
/** From the loss of a connection until everything missed has come. */
export const recoveryTime = new Trend('starling_recovery_time', true);
/** From sending a file until it is taken. */
export const fileAckTime = new Trend('starling_file_ack_time', true);
/** From sending a file until its message stands in the room. */
export const fileTime = new Trend('starling_file_time', true);
/** By how much later than it wanted to a script went on: of a machine, or a k6, that has too much to do. */
export const ownLag = new Trend('starling_own_lag', true);

/** Clients that came to the end of what they had to do. */
export const finished = new Counter('starling_finished');
/** Connections that were not accepted. */
export const refused = new Counter('starling_refused');
/** Connections that ended though nobody wanted it. */
export const dropped = new Counter('starling_dropped');
/** Messages that were acknowledged as stored. */
export const acked = new Counter('starling_acked');
/** Messages sent once more, because an ack said so or did not come. */
export const resent = new Counter('starling_resent');
/** Messages that no attempt got acknowledged. */
export const unacked = new Counter('starling_unacked');
/** Messages that came to a member. */
export const delivered = new Counter('starling_delivered');
/** Messages that did not come to a member. */
export const lost = new Counter('starling_lost');
/** Messages that came to a member once more. */
export const duplicates = new Counter('starling_duplicates');
/** Messages that came after one with a higher `seq`. */
export const reordered = new Counter('starling_reordered');
/** Comings back after which everything missed had come. */
export const recovered = new Counter('starling_recovered');
/** Comings back after which the server said that messages are gone. */
export const incomplete = new Counter('starling_incomplete');
/** Files whose message came. */
export const files = new Counter('starling_files');
/** Files that were refused, or whose message did not come. */
export const filesFailed = new Counter('starling_files_failed');

/** Thresholds of metrics by their names, so that a script cannot misspell them. */
export function thresholds(...pairs) {
  return Object.fromEntries(pairs.map(([metric, condition, tag]) => [tag ? `${metric.name}{${tag}}` : metric.name, [condition]]));
}

/** What each message must do in a conversation of `clients`, each of whom is to get `messages`. */
export const nothingLost = (clients, messages) => [
  [finished, `count==${clients}`],
  [delivered, `count==${clients * messages}`],
  [lost, 'count==0'],
  [duplicates, 'count==0'],
  [reordered, 'count==0'],
  [unacked, 'count==0'],
];
