// Logging in, staying connected, and coming back.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import amqp from 'amqplib';
import { event } from './scene.mjs';

const { INTEROP_URL, INTEROP_TLS_URL, INTEROP_CA, INTEROP_OTHER_CA } = process.env;

export async function connects(scene) {
  const connection = await scene.connect();
  const channel = await connection.createChannel();
  await channel.close();
  await connection.close();
}

export async function badPassword(scene) {
  const url = new URL(INTEROP_URL);
  url.password = 'wrong';
  await assert.rejects(scene.connect(url.href), /ACCESS_REFUSED/);
}

export async function heartbeats(scene) {
  const connection = await scene.connect(`${INTEROP_URL}?heartbeat=1`);
  assert.equal(connection.connection.heartbeat, 1);
  const channel = await scene.channel(connection);
  await pause(5000);
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, 'alive');
  assert.equal((await scene.get(channel, queue)).content.toString(), 'alive');
}

export async function manyChannels(scene) {
  const connection = await scene.connect();
  const queue = await scene.queue(await scene.channel(connection));
  for (let number = 0; number < 200; number += 1) {
    const channel = await scene.channel(connection);
    await scene.send(channel, queue, `${number}`);
    assert.equal((await scene.get(channel, queue)).content.toString(), `${number}`);
  }
}

export async function blocked(scene) {
  const url = await scene.control('blocked');
  try {
    const connection = await scene.connect(url);
    const reason = event(connection, 'blocked');
    const channel = await connection.createChannel();
    channel.publish('', scene.name(), Buffer.from('too much'));
    assert.notEqual(await reason, '');
  } finally {
    await scene.control('unblocked');
  }
}

export async function overTls(scene) {
  const channel = await scene.channel(await scene.connect(INTEROP_TLS_URL, { ca: [readFileSync(INTEROP_CA)] }));
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, 'secret');
  assert.equal((await scene.get(channel, queue)).content.toString(), 'secret');
  const wrong = scene.connect(INTEROP_TLS_URL, { ca: [readFileSync(INTEROP_OTHER_CA)] });
  await assert.rejects(wrong, /unable to verify|self-signed/);
}

export async function externalLogin(scene) {
  const connection = await scene.connect(INTEROP_TLS_URL, {
    ca: [readFileSync(INTEROP_CA)],
    cert: readFileSync(process.env.INTEROP_CLIENT_CERT),
    key: readFileSync(process.env.INTEROP_CLIENT_KEY),
    credentials: amqp.credentials.external(),
  });
  const channel = await scene.channel(connection);
  const queue = await scene.queue(channel);
  // The broker refuses another user's name than that of the connection.
  await scene.publish(channel, '', queue, '', { userId: 'guest' });
  assert.equal((await scene.get(channel, queue)).properties.userId, 'guest');
}

const RECOVERY = { initialDelay: 100, maxDelay: 300 };

export async function reconnect(scene) {
  const connection = await scene.connect(INTEROP_URL, { recovery: RECOVERY });
  const channel = await scene.channel(connection);
  const queue = await scene.queue(channel);
  await scene.publish(channel, '', queue, 'kept', { persistent: true });
  const lost = event(connection, 'disconnect');
  await scene.control('restart');
  await lost;
  // Recovery lets whoever asks for a channel wait until there is a connection again.
  const message = await scene.get(await scene.channel(connection), queue);
  assert.equal(message.content.toString(), 'kept');
}

export async function topology(scene) {
  const names = [scene.name(), scene.name()];
  let consumers;
  // amqplib recovers what its `setup` declares, by running it again.
  async function setup(model) {
    const channel = await model.createChannel();
    channel.on('error', () => {});
    await channel.assertQueue(names[0], { exclusive: true, durable: false });
    await channel.assertQueue(names[1], { autoDelete: true });
    for (const name of names) await channel.bindQueue(name, 'amq.topic', scene.id);
    consumers = await Promise.all(names.map((name) => scene.consume(channel, name, { noAck: true })));
  }
  const connection = await scene.connect(INTEROP_URL, { recovery: { ...RECOVERY, setup } });
  const lost = event(connection, 'disconnect');
  await scene.control('restart');
  await lost;
  await scene.publish(await scene.channel(connection), 'amq.topic', scene.id, 'again');
  for (const deliveries of consumers) await deliveries.next('again');
}
