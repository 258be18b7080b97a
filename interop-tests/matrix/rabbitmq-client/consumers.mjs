// Who is sent what, and what becomes of it.

import assert from 'node:assert/strict';
import { event } from './scene.mjs';

/** Nothing is left for a fresh connection once this one is gone. */
async function emptyAfterReconnect(scene, connection, channel, queue) {
  await channel.close(); // the connection waits for its channels
  await connection.close();
  await scene.holds(await scene.channel(), queue, 0);
}

export async function consumeAck(scene) {
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1', '2', '3');
  const deliveries = await scene.consume(channel, queue);
  for (const body of ['1', '2', '3']) channel.basicAck(await deliveries.next(body));
  await emptyAfterReconnect(scene, connection, channel, queue);
}

export async function consumeAutoAck(scene) {
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1', '2', '3');
  const deliveries = await scene.consume(channel, queue, { noAck: true });
  for (const body of ['1', '2', '3']) await deliveries.next(body);
  await emptyAfterReconnect(scene, connection, channel, queue);
}

export async function redelivered(scene) {
  const keeper = await scene.channel();
  const queue = await scene.queue(keeper);
  await scene.send(keeper, queue, '1', '2', '3');
  const holdAll = async (channel, again) => {
    const deliveries = await scene.consume(channel, queue);
    for (const body of ['1', '2', '3']) {
      assert.equal((await deliveries.next(body)).redelivered, again);
    }
  };
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  await holdAll(channel, false);
  await channel.close();
  await holdAll(await scene.channel(connection), true);
  connection.unsafeDestroy(); // close() would wait for the channel
  await holdAll(keeper, true);
}

export async function nackRequeue(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1');
  const deliveries = await scene.consume(channel, queue);
  channel.basicNack({ ...(await deliveries.next('1')), requeue: true });
  const again = await deliveries.next('1');
  assert.equal(again.redelivered, true);
  channel.basicNack({ ...again, requeue: false });
  // What is held would come back, what was dropped does not.
  await channel.close();
  await scene.holds(await scene.channel(), queue, 0);
}

export async function multipleAck(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1', '2', '3', '4');
  const deliveries = await scene.consume(channel, queue);
  await deliveries.next('1');
  await deliveries.next('2');
  channel.basicAck({ ...(await deliveries.next('3')), multiple: true });
  await deliveries.next('4');
  await channel.close();
  const keeper = await scene.channel();
  await scene.holds(keeper, queue, 1);
  assert.equal((await scene.get(keeper, queue)).body, '4');
}

export async function prefetch(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1', '2', '3', '4', '5');
  await channel.basicQos({ prefetchCount: 3 });
  const deliveries = await scene.consume(channel, queue);
  const first = await deliveries.next('1');
  await deliveries.next('2');
  await deliveries.next('3');
  await scene.holds(channel, queue, 2);
  await deliveries.none();
  channel.basicAck(first);
  await deliveries.next('4');
  await scene.holds(channel, queue, 1);
  await deliveries.none();
}

export async function consumerCancel(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  const deliveries = await scene.consume(channel, queue, { consumerTag: 'tag' });
  await scene.send(channel, queue, '1');
  channel.basicAck(await deliveries.next('1'));
  await channel.basicCancel('tag');
  await scene.send(channel, queue, '2', '3');
  await scene.holds(channel, queue, 2);
  await deliveries.none();
}

export async function cancelNotify(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  const cancelled = event(channel, 'basic.cancel');
  await scene.consume(channel, queue, { consumerTag: 'tag' });
  await (await scene.channel()).queueDelete(queue);
  assert.equal(await cancelled, 'tag');
}

export async function singleActive(scene) {
  const connection = await scene.connect();
  const [channel, other] = [await scene.channel(connection), await scene.channel(connection)];
  const queue = await scene.queue(channel, { 'x-single-active-consumer': true });
  const first = await scene.consume(channel, queue, { consumerTag: 'first' });
  const second = await scene.consume(other, queue);
  await scene.send(channel, queue, '1', '2');
  channel.basicAck(await first.next('1'));
  channel.basicAck(await first.next('2'));
  await scene.holds(other, queue, 0);
  await second.none();
  await channel.basicCancel('first');
  await scene.send(channel, queue, '3');
  await second.next('3');
}

export async function consumerPriority(scene) {
  const connection = await scene.connect();
  const [channel, other] = [await scene.channel(connection), await scene.channel(connection)];
  const queue = await scene.queue(channel);
  await channel.basicQos({ prefetchCount: 5 });
  const low = await scene.consume(other, queue);
  const high = await scene.consume(channel, queue, { arguments: { 'x-priority': 10 } });
  for (const body of ['1', '2', '3', '4', '5']) {
    await scene.send(channel, queue, body);
    await high.next(body);
  }
  await scene.holds(other, queue, 0);
  await low.none();
  await scene.send(channel, queue, 'no credit');
  await low.next('no credit');
}
