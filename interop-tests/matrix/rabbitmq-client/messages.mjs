// What a message carries, and how its publisher hears of it.

import assert from 'node:assert/strict';
import { setImmediate as settled } from 'node:timers/promises';

export async function publishGet(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, 'hello');
  const { body, routingKey } = await scene.get(channel, queue);
  assert.deepEqual([body, routingKey], ['hello', queue]);
  assert.equal(await channel.basicGet(queue), undefined);
}

export async function properties(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  // The library has no way to write timestamps, decimals and bytes into a table.
  const headers = {
    text: 'ärger',
    yes: true,
    no: false,
    nothing: null,
    small: 7,
    negative: -70_000,
    large: 2 ** 40,
    fraction: 0.25,
    list: [1, 'two', { three: 3 }, [true]],
    table: { inner: { deep: 'down' } },
  };
  const sent = {
    contentType: 'application/x-matrix',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 7,
    correlationId: 'c',
    replyTo: 'r',
    expiration: '60000',
    messageId: 'm',
    timestamp: 1_700_000_000,
    type: 't',
    userId: 'guest',
    appId: 'a',
    headers,
  };
  await channel.basicPublish({ ...sent, routingKey: queue }, Buffer.from('x'));
  const message = await scene.get(channel, queue);
  const got = Object.fromEntries(Object.keys(sent).map((name) => [name, message[name]]));
  assert.deepEqual(got, sent);
}

/** This body comes back as it was sent. */
async function intact(scene, sent) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await channel.basicPublish(queue, sent);
  const { body } = await scene.get(channel, queue);
  assert.ok(body.equals(sent), `${sent.length} bytes came back otherwise, as ${body.length}`);
}

export const emptyBody = (scene) => intact(scene, Buffer.alloc(0));

export const largeMessage = (scene) => intact(scene, Buffer.alloc(8 << 20).map((_, at) => (at * 31) >> 7));

export const binaryBody = (scene) => intact(scene, Buffer.from(Array.from({ length: 256 }, (_, at) => at)));

export async function confirms(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await Promise.all(Array.from({ length: 1000 }, () => channel.basicPublish(queue, 'x')));
  await scene.holds(channel, queue, 1000);
}

export async function mandatory(scene) {
  const channel = await scene.channel();
  const returned = [];
  channel.on('basic.return', (message) => returned.push(message));
  await channel.basicPublish({ routingKey: scene.name(), mandatory: true }, 'nowhere');
  await settled(); // the library hands returns on from setImmediate
  assert.equal(returned.length, 1, 'it was confirmed before it was returned');
  assert.deepEqual([returned[0].replyCode, returned[0].body], [312, 'nowhere']);
}

export async function transactions(scene) {
  const keeper = await scene.channel();
  const queue = await scene.queue(keeper);
  const channel = await (await scene.connect()).acquire();
  await channel.txSelect();
  await scene.send(channel, queue, '1', '2');
  // Asking on the same channel makes sure that the broker has read the publishes.
  await scene.holds(channel, queue, 0);
  await channel.txCommit();
  await scene.holds(keeper, queue, 2);
  await scene.send(channel, queue, '3');
  await channel.txRollback();
  await channel.txCommit();
  await scene.holds(keeper, queue, 2);
  await channel.close();
}

export async function directReply(scene) {
  const connection = await scene.connect();
  const queue = await scene.queue(await scene.channel(connection));
  const answers = async (request, reply) => reply(`${request.body} 42`);
  const server = connection.createConsumer({ queue, queueOptions: { passive: true } }, answers);
  const caller = (await scene.connect()).createRPCClient({ confirm: true });
  try {
    assert.equal((await caller.send(queue, 'the answer is')).body, 'the answer is 42');
  } finally {
    await Promise.all([caller.close(), server.close()]);
  }
}
