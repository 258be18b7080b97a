// Who is sent what, and what becomes of it.

import assert from 'node:assert/strict';

export async function consumeAck(scene) {
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1', '2', '3');
  const deliveries = await scene.consume(channel, queue);
  for (const body of ['1', '2', '3']) channel.ack(await deliveries.next(body));
  // Closing the connection at once would overtake what its channels still have to write.
  await channel.close();
  await connection.close();
  await scene.holds(await scene.channel(), queue, 0);
}

export async function consumeAutoAck(scene) {
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1', '2', '3');
  const deliveries = await scene.consume(channel, queue, { noAck: true });
  for (const body of ['1', '2', '3']) await deliveries.next(body);
  await connection.close();
  await scene.holds(await scene.channel(), queue, 0);
}

export async function redelivered(scene) {
  const keeper = await scene.channel();
  const queue = await scene.queue(keeper);
  await scene.send(keeper, queue, '1', '2', '3');
  const holdAll = async (channel, again) => {
    const deliveries = await scene.consume(channel, queue);
    for (const body of ['1', '2', '3']) {
      assert.equal((await deliveries.next(body)).fields.redelivered, again);
    }
  };
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  await holdAll(channel, false);
  await channel.close();
  await holdAll(await scene.channel(connection), true);
  await connection.close();
  await holdAll(keeper, true);
}

export async function nackRequeue(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1');
  const deliveries = await scene.consume(channel, queue);
  channel.nack(await deliveries.next('1'), false, true);
  const again = await deliveries.next('1');
  assert.equal(again.fields.redelivered, true);
  channel.reject(again, false);
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
  channel.ack(await deliveries.next('3'), true);
  await deliveries.next('4');
  await channel.close();
  const keeper = await scene.channel();
  await scene.holds(keeper, queue, 1);
  assert.equal((await scene.get(keeper, queue)).content.toString(), '4');
}

export async function prefetch(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, '1', '2', '3', '4', '5');
  await channel.prefetch(3);
  const deliveries = await scene.consume(channel, queue);
  const first = await deliveries.next('1');
  await deliveries.next('2');
  await deliveries.next('3');
  await scene.holds(channel, queue, 2);
  deliveries.none();
  channel.ack(first);
  await deliveries.next('4');
  await scene.holds(channel, queue, 1);
  deliveries.none();
}

export async function consumerCancel(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  const deliveries = await scene.consume(channel, queue, { consumerTag: 'tag' });
  await scene.send(channel, queue, '1');
  channel.ack(await deliveries.next('1'));
  await channel.cancel('tag');
  await scene.send(channel, queue, '2', '3');
  await scene.holds(channel, queue, 2);
  deliveries.none();
}

export async function cancelNotify(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  const deliveries = await scene.consume(channel, queue);
  await (await scene.channel()).deleteQueue(queue);
  assert.equal(await deliveries.take('basic.cancel'), null); // amqplib's word for it
}

export async function singleActive(scene) {
  const connection = await scene.connect();
  const [channel, other] = [await scene.channel(connection), await scene.channel(connection)];
  const queue = await scene.queue(channel, { 'x-single-active-consumer': true });
  const first = await scene.consume(channel, queue, { consumerTag: 'first' });
  const second = await scene.consume(other, queue);
  await scene.send(channel, queue, '1', '2');
  channel.ack(await first.next('1'));
  channel.ack(await first.next('2'));
  await scene.holds(other, queue, 0);
  second.none();
  await channel.cancel('first');
  await scene.send(channel, queue, '3');
  await second.next('3');
}

export async function consumerPriority(scene) {
  const connection = await scene.connect();
  const [channel, other] = [await scene.channel(connection), await scene.channel(connection)];
  const queue = await scene.queue(channel);
  await channel.prefetch(5);
  const low = await scene.consume(other, queue);
  const high = await scene.consume(channel, queue, { priority: 10 });
  for (const body of ['1', '2', '3', '4', '5']) {
    await scene.send(channel, queue, body);
    await high.next(body);
  }
  await scene.holds(other, queue, 0);
  low.none();
  await scene.send(channel, queue, 'no credit');
  await low.next('no credit');
}
