// What a behaviour plays in: its connections, the names it made, and how it ends.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline/promises';
import { setImmediate as settled, setTimeout as pause } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';

const CLIENT = 'rabbitmq-client';
const LIMIT = 20_000; // ms, of a whole behaviour
const SOON = 10_000; // ms, for one event that must come

const { INTEROP_URL, INTEROP_RESULTS, INTEROP_CONTROL, INTEROP_ONLY } = process.env;

export class NotOffered extends Error {}

export async function run(behaviours) {
  const only = INTEROP_ONLY?.split(',');
  for (const [id, prove] of behaviours) {
    if (only && !only.includes(id)) continue;
    const [outcome, reason] = await play(id, prove);
    const line = [CLIENT, id, outcome, reason.replace(/\s+/g, ' ')].join('\t');
    if (INTEROP_RESULTS) appendFileSync(INTEROP_RESULTS, `${line}\n`);
    else console.log(line);
  }
  process.exit(0); // whatever still hangs
}

async function play(id, prove) {
  const scene = new Scene(id);
  try {
    await within(LIMIT, 'the behaviour', prove(scene));
    return ['passed', ''];
  } catch (error) {
    return [error instanceof NotOffered ? 'not offered' : 'failed', error.message];
  } finally {
    await within(SOON, 'cleaning up', scene.cleanUp()).catch((error) => console.error(id, error.message));
  }
}

async function within(limit, what, promise) {
  const over = new AbortController();
  const late = pause(limit, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${what} did not come to its end in ${limit} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
    late.catch(() => {}); // nobody waits for it any more
  }
}

/** The first of these events; it must come. */
export function event(emitter, name) {
  return within(SOON, name, new Promise((resolve) => emitter.once(name, resolve)));
}

/** The broker must refuse with this code, by its name. */
export async function refused(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** What a consumer has been sent and nobody has taken yet. */
export class Deliveries {
  #waiting = [];
  #takers = [];

  push(message) {
    const taker = this.#takers.shift();
    if (taker) taker(message);
    else this.#waiting.push(message);
  }

  take(what = 'a delivery') {
    if (this.#waiting.length > 0) return Promise.resolve(this.#waiting.shift());
    return within(SOON, what, new Promise((taker) => this.#takers.push(taker)));
  }

  /** Takes the next one, which must have this body. */
  async next(body) {
    const message = await this.take(`the delivery of ${body}`);
    assert.equal(message.body, body);
    return message;
  }

  /** Ask the broker something on the same channel first. */
  async none() {
    await settled(); // the library hands deliveries on from setImmediate
    assert.deepEqual(this.#waiting.map(({ body }) => body), []);
  }
}

export class Scene {
  #connections = [];
  #channels = [];
  #queues = [];
  #exchanges = [];

  constructor(id) {
    this.id = id;
  }

  name() {
    return `matrix.${CLIENT}.${this.id}.${randomBytes(4).toString('hex')}`;
  }

  async connect(options = {}) {
    const connection = new Connection({ url: INTEROP_URL, retryLow: 100, retryHigh: 300, ...options });
    this.#connections.push(connection);
    // Refusals are told to whoever asked; an 'error' nobody listens to would end the program.
    connection.on('error', () => {});
    await connection.onConnect(SOON);
    return connection;
  }

  /** A channel that confirms, so that what was published is known to be in its queues. */
  async channel(connection) {
    connection ??= await this.connect();
    const channel = await connection.acquire();
    this.#channels.push(channel);
    await channel.confirmSelect();
    return channel;
  }

  async queue(channel, args = {}) {
    const queue = this.name();
    await channel.queueDeclare({ queue, durable: true, arguments: args });
    this.#queues.push(queue);
    return queue;
  }

  async exchange(channel, type, args = {}) {
    const exchange = this.name();
    await channel.exchangeDeclare({ exchange, type, durable: true, arguments: args });
    this.#exchanges.push(exchange);
    return exchange;
  }

  /** Returns when the broker has confirmed each; throws when it has refused one. */
  async send(channel, queue, ...bodies) {
    for (const body of bodies) await channel.basicPublish(queue, body);
  }

  async get(channel, queue) {
    const message = await channel.basicGet({ queue, noAck: true });
    assert.ok(message, `${queue} is empty`);
    return message;
  }

  async consume(channel, queue, options = {}) {
    const deliveries = new Deliveries();
    await channel.basicConsume({ queue, ...options }, (message) => deliveries.push(message));
    return deliveries;
  }

  async holds(channel, queue, count) {
    const { messageCount } = await channel.queueDeclare({ queue, passive: true });
    assert.equal(messageCount, count, `messages in the queue: ${messageCount} instead of ${count}`);
  }

  /** Sends one line to the runner and returns what follows "ok". */
  async control(line) {
    const [host, port] = INTEROP_CONTROL.split(':');
    const socket = createConnection({ host, port });
    try {
      socket.write(`${line}\n`);
      const answer = await event(createInterface({ input: socket }), 'line');
      assert.match(answer, /^ok\b/);
      return answer.slice(2).trim();
    } finally {
      socket.destroy();
    }
  }

  /** Deletes on a connection of its own; the behaviour's may be closed, or hang. */
  async cleanUp() {
    for (const channel of this.#channels) channel.close(); // a connection waits for its channels
    for (const connection of this.#connections) {
      await within(1000, 'close', connection.close()).catch(() => connection.unsafeDestroy());
    }
    if (this.#queues.length + this.#exchanges.length === 0) return;
    const connection = new Connection(INTEROP_URL);
    connection.on('error', (error) => console.error(this.id, error.message));
    for (const queue of this.#queues) await connection.queueDelete(queue);
    for (const exchange of this.#exchanges) await connection.exchangeDelete({ exchange });
    await connection.close();
  }
}
