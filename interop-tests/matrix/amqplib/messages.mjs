// What a message carries, and how its publisher hears of it.

import assert from 'node:assert/strict';
import { NotOffered } from './scene.mjs';

export async function publishGet(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, 'hello');
  const message = await scene.get(channel, queue);
  assert.equal(message.content.toString(), 'hello');
  assert.equal(message.fields.routingKey, queue);
  assert.equal(await channel.get(queue), false);
}

export async function properties(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  const when = 1_700_000_000;
  const headers = {
    text: 'ärger',
    yes: true,
    no: false,
    nothing: null,
    small: 7,
    negative: -70_000,
    large: 2 ** 40,
    fraction: 0.25,
    bytes: Buffer.from([0, 1, 255]),
    when: { '!': 'timestamp', value: when },
    price: { '!': 'decimal', value: { places: 2, digits: 314 } },
    list: [1, 'two', { three: 3 }, [true]],
    table: { inner: { deep: 'down' } },
  };
  const sent = {
    contentType: 'text/plain',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 7,
    correlationId: 'c',
    replyTo: 'r',
    expiration: '60000',
    messageId: 'm',
    timestamp: when,
    type: 't',
    userId: 'guest',
    appId: 'a',
  };
  await scene.publish(channel, '', queue, 'x', { ...sent, headers });
  const { clusterId, ...got } = (await scene.get(channel, queue)).properties;
  assert.equal(clusterId, undefined);
  assert.deepEqual(got, { ...sent, headers });
}

/** This body comes back as it was sent. */
async function intact(scene, body) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  await scene.publish(channel, '', queue, body);
  const { content } = await scene.get(channel, queue);
  assert.ok(content.equals(body), `${body.length} bytes came back otherwise, as ${content.length}`);
}

export const emptyBody = (scene) => intact(scene, Buffer.alloc(0));

export const largeMessage = (scene) => intact(scene, Buffer.alloc(8 << 20).map((_, at) => (at * 31) >> 7));

export const binaryBody = (scene) => intact(scene, Buffer.from(Array.from({ length: 256 }, (_, at) => at)));

export async function confirms(scene) {
  const channel = await scene.channel();
  const queue = await scene.queue(channel);
  for (let number = 0; number < 1000; number += 1) channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  await scene.holds(channel, queue, 1000);
}

export async function mandatory(scene) {
  const channel = await scene.channel();
  const returned = [];
  channel.on('return', (message) => returned.push(message));
  await scene.publish(channel, '', scene.name(), 'nowhere', { mandatory: true });
  assert.equal(returned.length, 1, 'it was confirmed before it was returned');
  assert.equal(returned[0].fields.replyCode, 312);
  assert.equal(returned[0].content.toString(), 'nowhere');
}

export async function transactions() {
  throw new NotOffered('has no transactions');
}

export async function directReply(scene) {
  const [server, caller] = [await scene.channel(), await scene.channel()];
  const queue = await scene.queue(server);
  const requests = await scene.consume(server, queue);
  const replies = await scene.consume(caller, 'amq.rabbitmq.reply-to', { noAck: true });
  const asking = { replyTo: 'amq.rabbitmq.reply-to', correlationId: '42' };
  await scene.publish(caller, '', queue, 'question', asking);
  const { replyTo, correlationId } = (await requests.next('question')).properties;
  await scene.publish(server, '', replyTo, 'answer', { correlationId });
  assert.equal((await replies.next('answer')).properties.correlationId, '42');
}
