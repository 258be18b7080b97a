// Logging in, staying connected, and coming back.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';
import { Deliveries, event, NotOffered } from './scene.mjs';

const { INTEROP_URL, INTEROP_TLS_URL, INTEROP_CA, INTEROP_OTHER_CA } = process.env;

export async function connects(scene) {
  const connection = await scene.connect();
  const channel = await connection.acquire();
  await channel.close();
  await connection.close();
}

/** The library tries again and again; this is what its first attempt ends with. */
async function firstError(options) {
  const connection = new Connection(options);
  const letIn = event(connection, 'connection').then(() => assert.fail('it was let in'));
  try {
    return await Promise.race([event(connection, 'error'), letIn]);
  } finally {
    letIn.catch(() => {}); // it never comes
    connection.on('error', () => {});
    connection.unsafeDestroy();
  }
}

export async function badPassword() {
  const url = new URL(INTEROP_URL);
  url.password = 'wrong';
  const error = await firstError({ url: url.href });
  assert.equal(error.code, 'ACCESS_REFUSED', error.message);
}

export async function heartbeats(scene) {
  const connection = await scene.connect({ heartbeat: 1 });
  const channel = await scene.channel(connection);
  await pause(5000);
  const queue = await scene.queue(channel); // on the channel of before, which a lost connection would have closed
  await scene.send(channel, queue, 'alive');
  assert.equal((await scene.get(channel, queue)).body, 'alive');
}

export async function manyChannels(scene) {
  const connection = await scene.connect();
  const queue = await scene.queue(await scene.channel(connection));
  for (let number = 0; number < 200; number += 1) {
    const channel = await scene.channel(connection);
    await scene.send(channel, queue, `${number}`);
    assert.equal((await scene.get(channel, queue)).body, `${number}`);
  }
}

export async function blocked(scene) {
  const url = await scene.control('blocked');
  try {
    const connection = await scene.connect({ url });
    const reason = event(connection, 'connection.blocked');
    const channel = await connection.acquire();
    await channel.basicPublish(scene.name(), 'too much');
    assert.notEqual(await reason, '');
  } finally {
    await scene.control('unblocked');
  }
}

export async function overTls(scene) {
  const url = INTEROP_TLS_URL;
  const channel = await scene.channel(await scene.connect({ url, tls: { ca: [readFileSync(INTEROP_CA)] } }));
  const queue = await scene.queue(channel);
  await scene.send(channel, queue, 'secret');
  assert.equal((await scene.get(channel, queue)).body, 'secret');
  const error = await firstError({ url, tls: { ca: [readFileSync(INTEROP_OTHER_CA)] } });
  assert.match(error.message, /unable to verify|self-signed/);
}

export async function externalLogin() {
  throw new NotOffered('logs in with PLAIN only');
}

export async function reconnect(scene) {
  const connection = await scene.connect();
  const channel = await scene.channel(connection);
  const queue = await scene.queue(channel);
  await channel.basicPublish({ routingKey: queue, durable: true }, 'kept');
  const again = event(connection, 'connection');
  await scene.control('restart');
  await again;
  assert.equal((await scene.get(await scene.channel(connection), queue)).body, 'kept');
}

export async function topology(scene) {
  const connection = await scene.connect();
  const consumers = [];
  for (const queueOptions of [{ exclusive: true }, { autoDelete: true, durable: true }]) {
    const [queue, deliveries] = [scene.name(), new Deliveries()];
    const queueBindings = [{ exchange: 'amq.topic', routingKey: scene.id }];
    const consumer = connection.createConsumer({ queue, queueOptions, queueBindings }, (message) => {
      deliveries.push(message);
    });
    consumer.on('error', () => {}); // that the connection is lost
    consumers.push({ consumer, deliveries });
  }
  const ready = () => Promise.all(consumers.map(({ consumer }) => event(consumer, 'ready')));
  await ready();
  const again = ready();
  await scene.control('restart');
  await again;
  const publisher = connection.createPublisher({ confirm: true });
  await publisher.send({ exchange: 'amq.topic', routingKey: scene.id }, 'again');
  for (const { deliveries } of consumers) await deliveries.next('again');
  await Promise.all([publisher.close(), ...consumers.map(({ consumer }) => consumer.close())]);
}
