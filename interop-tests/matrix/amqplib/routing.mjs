// Which queues a message reaches.

import assert from 'node:assert/strict';

/** A message with this key and these headers arrives in so many copies. */
async function routes(scene, channel, { exchange, key = '', headers = {}, queue, copies }) {
  await scene.publish(channel, exchange, key, 'x', { headers });
  const { messageCount } = await channel.purgeQueue(queue);
  assert.equal(messageCount, copies, `"${key}" ${JSON.stringify(headers)}: ${messageCount} instead of ${copies}`);
}

export async function topic(scene) {
  const channel = await scene.channel();
  const exchange = await scene.exchange(channel, 'topic');
  for (const [pattern, right, wrong] of [
    ['a.*.c', ['a.b.c', 'a..c'], ['a.c', 'a.b.b.c', 'b.b.c']],
    ['a.#', ['a', 'a.b', 'a.b.c'], ['b.a', 'ab']],
    ['#.z', ['z', 'a.z', 'a.b.z'], ['z.a']],
    ['#', ['', 'a', 'a.b'], []],
    ['*', ['a'], ['a.b']],
  ]) {
    const queue = await scene.queue(channel);
    await channel.bindQueue(queue, exchange, pattern);
    for (const key of right) await routes(scene, channel, { exchange, key, queue, copies: 1 });
    for (const key of wrong) await routes(scene, channel, { exchange, key, queue, copies: 0 });
  }
}

export async function headersExchange(scene) {
  const channel = await scene.channel();
  const exchange = await scene.exchange(channel, 'headers');
  const [all, some] = [await scene.queue(channel), await scene.queue(channel)];
  await channel.bindQueue(all, exchange, '', { 'x-match': 'all', kind: 'report', pages: 3 });
  await channel.bindQueue(some, exchange, '', { 'x-match': 'any', kind: 'report', pages: 3 });
  for (const [headers, inAll, inAny] of [
    [{ kind: 'report', pages: 3, more: true }, 1, 1],
    [{ kind: 'report' }, 0, 1],
    [{ kind: 'letter', pages: 3 }, 0, 1],
    [{ kind: 'letter' }, 0, 0],
    [{}, 0, 0],
  ]) {
    await routes(scene, channel, { exchange, headers, queue: all, copies: inAll });
    assert.equal((await channel.purgeQueue(some)).messageCount, inAny, `any of ${JSON.stringify(headers)}`);
  }
}

export async function exchangeToExchange(scene) {
  const channel = await scene.channel();
  const [exchange, target] = [await scene.exchange(channel, 'topic'), await scene.exchange(channel, 'fanout')];
  const queue = await scene.queue(channel);
  await channel.bindExchange(target, exchange, 'news.#');
  await channel.bindQueue(queue, target, '');
  await routes(scene, channel, { exchange, key: 'news.today', queue, copies: 1 });
  await routes(scene, channel, { exchange, key: 'weather', queue, copies: 0 });
  await channel.unbindExchange(target, exchange, 'news.#');
  await routes(scene, channel, { exchange, key: 'news.today', queue, copies: 0 });
}

export async function alternate(scene) {
  const channel = await scene.channel();
  const fallback = await scene.exchange(channel, 'fanout');
  const exchange = await scene.exchange(channel, 'direct', { 'alternate-exchange': fallback });
  const [queue, known] = [await scene.queue(channel), await scene.queue(channel)];
  await channel.bindQueue(queue, fallback, '');
  await channel.bindQueue(known, exchange, 'known');
  await routes(scene, channel, { exchange, key: 'unknown', queue, copies: 1 });
  await routes(scene, channel, { exchange, key: 'known', queue, copies: 0 });
}

export async function consistentHash(scene) {
  const channel = await scene.channel();
  const exchange = await scene.exchange(channel, 'x-consistent-hash');
  const queues = [await scene.queue(channel), await scene.queue(channel)];
  for (const queue of queues) await channel.bindQueue(queue, exchange, '1');
  const shares = async (keys) => {
    for (const key of keys) channel.publish(exchange, key, Buffer.from('x'));
    await channel.waitForConfirms();
    const counts = [];
    for (const queue of queues) counts.push((await channel.purgeQueue(queue)).messageCount);
    return counts.sort((a, b) => a - b);
  };
  const [fewer, more] = await shares(Array.from({ length: 1000 }, (_, number) => `key-${number}`));
  assert.ok(fewer + more === 1000 && fewer >= 200, `1000 keys: ${fewer} and ${more}`);
  assert.deepEqual(await shares(Array(50).fill('the same')), [0, 50]);
}

export async function delayed(scene) {
  const channel = await scene.channel();
  const exchange = await scene.exchange(channel, 'x-delayed-message', { 'x-delayed-type': 'direct' });
  const queue = await scene.queue(channel);
  await channel.bindQueue(queue, exchange, 'key');
  const deliveries = await scene.consume(channel, queue);
  const started = performance.now();
  await scene.publish(channel, exchange, 'key', 'later', { headers: { 'x-delay': 300 } });
  await deliveries.next('later');
  assert.ok(performance.now() - started >= 299, 'it was delivered too early'); // brokers count whole milliseconds
}
