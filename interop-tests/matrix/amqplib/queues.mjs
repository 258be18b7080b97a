// What queues refuse, keep, drop and pass on.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { refused } from './scene.mjs';

export async function exclusive(scene) {
  const [owner, other] = [await scene.connect(), await scene.connect()];
  const name = scene.name();
  await (await scene.channel(owner)).assertQueue(name, { exclusive: true, durable: false });
  await refused(405, (await scene.channel(other)).checkQueue(name));
  await owner.close();
  await refused(404, (await scene.channel(other)).checkQueue(name));
}

export async function passiveMissing(scene) {
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  await refused(404, channel.checkQueue(scene.name()));
  await assert.rejects(channel.checkQueue(scene.name()), /Channel closed/);
  await scene.queue(await scene.channel(connection));
}

export async function inequivalent(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  const other = channel.assertQueue(queue, { maxLength: 5 });
  await assert.rejects(other, { code: 406, message: /inequivalent arg/ });
}

export async function rejectPublish(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  await scene.send(channel, queue, 'fits');
  await assert.rejects(scene.send(channel, queue, 'too much'), /nacked/);
  await scene.holds(channel, queue, 1);
}

export async function maxLength(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel, { 'x-max-length': 2 });
  await scene.send(channel, queue, '1', '2', '3', '4');
  await scene.holds(channel, queue, 2);
  for (const body of ['3', '4']) assert.equal((await scene.get(channel, queue)).content.toString(), body);
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
  await scene.publish(channel, '', queue, 'late', { expiration: 200 });
  const { expiration, headers } = (await deliveries.next('late')).properties;
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
    const error = await channel.checkQueue(queue).then(() => null, (refusal) => refusal);
    if (error) {
      assert.equal(error.code, 404, error.message);
      return;
    }
  }
}

export async function deadLetter(scene) {
  const channel = await scene.channel();
  const [exchange, letters] = [await scene.exchange(channel, 'fanout'), await scene.queue(channel)];
  await channel.bindQueue(letters, exchange, '');
  const queue = await scene.queue(channel, { 'x-dead-letter-exchange': exchange });
  await scene.send(channel, queue, 'bad');
  channel.reject(await (await scene.consume(channel, queue)).next('bad'), false);
  const letter = await (await scene.consume(channel, letters)).next('bad');
  const { time, ...death } = letter.properties.headers['x-death'][0];
  assert.equal(time['!'], 'timestamp');
  assert.deepEqual(death, { count: 1, reason: 'rejected', queue, exchange: '', 'routing-keys': [queue] });
}

export async function retryLoop(scene) {
  const channel = await scene.channel();
  // Each is the other's target, which needs only its name.
  const waitingExchange = await scene.exchange(channel, 'fanout');
  const work = await scene.queue(channel, { 'x-dead-letter-exchange': waitingExchange });
  const back = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': work };
  const waiting = await scene.queue(channel, { ...back, 'x-message-ttl': 50 });
  await channel.bindQueue(waiting, waitingExchange, '');
  await scene.send(channel, work, 'job');
  const deliveries = await scene.consume(channel, work);
  for (let round = 0; round < 3; round += 1) channel.reject(await deliveries.next('job'), false);
  const { headers } = (await deliveries.next('job')).properties;
  const death = headers['x-death'].find((entry) => entry.queue === work);
  assert.deepEqual([death.count, death.reason], [3, 'rejected']);
}

export async function priority(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel, { 'x-max-priority': 5 });
  for (const [number, level] of [1, 5, 3, 5, 1].entries()) {
    await scene.publish(channel, '', queue, `${level}-${number}`, { priority: level });
  }
  for (const body of ['5-1', '5-3', '3-2', '1-0', '1-4']) {
    assert.equal((await scene.get(channel, queue)).content.toString(), body);
  }
}

export async function deliveryLimit(scene) {
  const channel = await scene.channel();
  const limit = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 };
  const [queue, letters] = await withDeadLetters(scene, channel, limit);
  await scene.send(channel, queue, 'poison');
  const deliveries = await scene.consume(channel, queue);
  for (let round = 0; round < 3; round += 1) channel.reject(await deliveries.next('poison'), true);
  const letter = await (await scene.consume(channel, letters)).next('poison');
  assert.equal(letter.properties.headers['x-death'][0].reason, 'delivery_limit');
  deliveries.none();
}
