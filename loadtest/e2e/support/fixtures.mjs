// The golden examples of `wire/fixtures`, and whether a live value has the shape of one.

import { readFileSync } from 'node:fs';

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../../wire/fixtures/${name}.json`, import.meta.url), 'utf8'));

const { connectErrors, bounds, defaultRoom } = read('connection');
const clientEvents = read('client-events');
const serverEvents = read('server-events');
const acks = { ...read('acks'), ...read('admin').acks };
const errors = read('errors');

export { bounds, clientEvents, connectErrors, defaultRoom };

/** Why `payload` is not what the contract says of a server's `event`; `null` where it is. */
export function eventMismatch(event, payload) {
  const examples = serverEvents[event];
  return examples ? mismatch(examples, payload, event) : `${event} is not an event of the contract`;
}

/** Why `ack` is no answer that the contract knows for a client's `event`; `null` where it is one. */
export function ackMismatch(event, ack) {
  if (ack?.status === 'error') return failureMismatch(ack, event);
  const examples = acks[event];
  if (!examples) return `${event} has no ack but ${JSON.stringify(ack)} came`;
  const { history = [], messages = [], ...rest } = ack ?? {};
  const without = examples.map(({ history: _, messages: __, ...example }) => example);
  const lists = Object.keys(examples[0]).filter((key) => Array.isArray(examples[0][key]));
  const missing = lists.find((key) => !Array.isArray(ack?.[key]));
  if (missing) return `${event}: ${missing} is no list in ${JSON.stringify(ack)}`;
  const listed = [...history, ...messages].map((message) =>
    eventMismatch(message?.mediaId === undefined ? 'chat-message' : 'file-message', message));
  return mismatch(without, rest, `ack of ${event}`) ?? listed.find((reason) => reason) ?? null;
}

function failureMismatch(failure, where) {
  const examples = errors[failure.code];
  if (!examples) return `${where}: ${JSON.stringify(failure.code)} is not in the table of errors`;
  if (failure.message === '') return `${where}: the failure has no message`;
  return mismatch(examples, failure, `failure of ${where}`);
}

/**
 * Compares keys and types. A key that every example has is required; one that some have is optional;
 * any other is a mismatch.
 */
function mismatch(examples, value, path) {
  const types = new Set(examples.map(typeOf));
  const type = typeOf(value);
  if (!types.has(type)) return `${path} is ${type}; expected ${[...types].join(' or ')}`;
  if (type === 'array') {
    const elements = examples.flat();
    return first(value, (element, at) => mismatch(elements, element, `${path}[${at}]`));
  }
  if (type !== 'object') return null;
  const known = new Set(examples.flatMap(Object.keys));
  return (
    first(Object.keys(value), (key) => (known.has(key) ? null : `${path}.${key} is not in the contract`)) ??
    first([...known], (key) => {
      const having = examples.filter((example) => key in example);
      if (key in value) return mismatch(having.map((example) => example[key]), value[key], `${path}.${key}`);
      return having.length === examples.length ? `${path}.${key} is missing` : null;
    })
  );
}

function first(values, check) {
  for (const [at, value] of values.entries()) {
    const reason = check(value, at);
    if (reason) return reason;
  }
  return null;
}

function typeOf(value) {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
