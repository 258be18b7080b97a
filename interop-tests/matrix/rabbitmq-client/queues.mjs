// What queues refuse, keep, drop and pass on.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { refused } from './scene.mjs';

export async function exclusive(scene) {
  const [owner, other] = [await scene.connect(), await scene.connect()];
  const name = scene.name();
  const channel = await scene.channel(owner);
  await channel.queueDeclare({ queue: name, exclusive: true });
  await refused('RESOURCE_LOCKED', (await scene.channel(other)).queueDeclare({ queue: name, passive: true }));
  await channel.close(); // the connection waits for its channels
  await owner.close();
  await refused('NOT_FOUND', (await scene.channel(other)).queueDeclare({ queue: name, passive: true }));
}

export async function passiveMissing(scene) {
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  await refused('NOT_FOUND', channel.queueDeclare({ queue: scene.name(), passive: true }));
  await assert.rejects(channel.queueDeclare({ queue: scene.name(), passive: true }), { code: 'CH_CLOSE' });
  await scene.queue(await scene.channel(connection));
}

export async function inequivalent(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  const other = channel.queueDeclare({ queue, durable: true, arguments: { 'x-max-length': 5 } });
  await assert.rejects(other, { code: 'PRECONDITION_FAILED', message: /inequivalent arg/ });
}

export async function rejectPublish(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  await scene.send(channel, queue, 'fits');
  await assert.rejects(scene.send(channel, queue, 'too much'), { code: 'NACK' });
  await scene.holds(channel, queue, 1);
}

export async function maxLength(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel, { 'x-max-length': 2 });
  await scene.send(channel, queue, '1', '2', '3', '4');
  await scene.holds(channel, queue, 2);
  for (const body of ['3', '4']) assert.equal((await scene.get(channel, queue)).body, body);
}

/** A queue that sends its dead letters to a second one, by the default exchange. */
async function withDeadLetters(scene, channel, args = {}) {
  const letters = await scene.queue(channel);
  const target = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': letters };
  return [await scene.queue(channel, { ...args, ...target }), letters];
}

export async function messageTtl(scene) {
  const channel = await scene.channel();
  const [queue, letters] = await withDeadLetters(scene, channel);
  const deliveries = await scene.consume(channel, letters);
  await channel.basicPublish({ routingKey: queue, expiration: '200' }, 'late');
  const { expiration, headers } = await deliveries.next('late');
  assert.equal(expiration, undefined);
  assert.equal(headers['x-death'][0].reason, 'expired');
  assert.equal(headers['x-death'][0]['original-expiration'], '200');
}

export async function queueTtl(scene) {
  const channel = await scene.channel();
  const [queue, letters] = await withDeadLetters(scene, channel, { 'x-message-ttl': 200 });
  const deliveries = await scene.consume(channel, letters);
  const started = performance.now();
  await scene.send(channel, queue, '1', '2');
  await deliveries.next('1');
  await deliveries.next('2');
  assert.ok(performance.now() - started >= 199, 'they were gone too early'); // brokers count whole milliseconds
  await scene.holds(channel, queue, 0);
}

export async function queueExpires(scene) {
  const connection = await scene.connect();
  const queue = await scene.queue(await scene.channel(connection), { 'x-expires': 300 });
  for (;;) {
    await pause(1000); // asking for it uses it, so the pause is longer than its life
    const channel = await scene.channel(connection);
    const error = await channel.queueDeclare({ queue, passive: true }).then(() => null, (refusal) => refusal);
    if (error) {
      assert.equal(error.code, 'NOT_FOUND', error.message);
      return;
    }
  }
}

export async function deadLetter(scene) {
  const channel = await scene.channel();
  const [exchange, letters] = [await scene.exchange(channel, 'fanout'), await scene.queue(channel)];
  await channel.queueBind({ queue: letters, exchange: exchange });
  const queue = await scene.queue(channel, { 'x-dead-letter-exchange': exchange });
  await scene.send(channel, queue, 'bad');
  channel.basicNack({ ...(await (await scene.consume(channel, queue)).next('bad')), requeue: false });
  const letter = await (await scene.consume(channel, letters)).next('bad');
  const { time, ...death } = letter.headers['x-death'][0];
  assert.equal(typeof time, 'number');
  assert.deepEqual(death, { count: 1, reason: 'rejected', queue, exchange: '', 'routing-keys': [queue] });
}

export async function retryLoop(scene) {
  const channel = await scene.channel();
  // Each is the other's target, which needs only its name.
  const waitingExchange = await scene.exchange(channel, 'fanout');
  const work = await scene.queue(channel, { 'x-dead-letter-exchange': waitingExchange });
  const back = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': work };
  const waiting = await scene.queue(channel, { ...back, 'x-message-ttl': 50 });
  await channel.queueBind({ queue: waiting, exchange: waitingExchange });
  await scene.send(channel, work, 'job');
  const deliveries = await scene.consume(channel, work);
  for (let round = 0; round < 3; round += 1) channel.basicNack({ ...(await deliveries.next('job')), requeue: false });
  const { headers } = await deliveries.next('job');
  const death = headers['x-death'].find((entry) => entry.queue === work);
  assert.deepEqual([death.count, death.reason], [3, 'rejected']);
}

export async function priority(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel, { 'x-max-priority': 5 });
  for (const [number, level] of [1, 5, 3, 5, 1].entries()) {
    await channel.basicPublish({ routingKey: queue, priority: level }, `${level}-${number}`);
  }
  for (const body of ['5-1', '5-3', '3-2', '1-0', '1-4']) {
    assert.equal((await scene.get(channel, queue)).body, body);
  }
}

export async function deliveryLimit(scene) {
  const channel = await scene.channel();
  const limit = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 };
  const [queue, letters] = await withDeadLetters(scene, channel, limit);
  await scene.send(channel, queue, 'poison');
  // The library has no basic.reject, and a nack is no failure; a delivery lost with its channel is one.
  for (let round = 0; round < 3; round += 1) {
    const worker = await scene.channel();
    await (await scene.consume(worker, queue)).next('poison');
    await worker.close();
  }
  const letter = await (await scene.consume(channel, letters)).next('poison');
  assert.equal(letter.headers['x-death'][0].reason, 'delivery_limit');
  await scene.holds(channel, queue, 0);
}
