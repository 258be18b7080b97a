// Proves each behaviour of ../behaviours.tsv with amqplib, in the order given there.

import * as connections from './connections.mjs';
import * as consumers from './consumers.mjs';
import * as messages from './messages.mjs';
import * as queues from './queues.mjs';
import * as routing from './routing.mjs';
import { run } from './scene.mjs';

await run([
  ['connect', connections.connects],
  ['bad-password', connections.badPassword],
  ['heartbeats', connections.heartbeats],
  ['publish-get', messages.publishGet],
  ['properties', messages.properties],
  ['empty-body', messages.emptyBody],
  ['large-message', messages.largeMessage],
  ['binary-body', messages.binaryBody],
  ['consume-ack', consumers.consumeAck],
  ['consume-auto-ack', consumers.consumeAutoAck],
  ['redelivered', consumers.redelivered],
  ['nack-requeue', consumers.nackRequeue],
  ['multiple-ack', consumers.multipleAck],
  ['prefetch', consumers.prefetch],
  ['consumer-cancel', consumers.consumerCancel],
  ['cancel-notify', consumers.cancelNotify],
  ['exclusive', queues.exclusive],
  ['passive-missing', queues.passiveMissing],
  ['inequivalent', queues.inequivalent],
  ['confirms', messages.confirms],
  ['mandatory', messages.mandatory],
  ['reject-publish', queues.rejectPublish],
  ['max-length', queues.maxLength],
  ['message-ttl', queues.messageTtl],
  ['queue-ttl', queues.queueTtl],
  ['queue-expires', queues.queueExpires],
  ['dead-letter', queues.deadLetter],
  ['retry-loop', queues.retryLoop],
  ['priority', queues.priority],
  ['single-active', consumers.singleActive],
  ['consumer-priority', consumers.consumerPriority],
  ['topic', routing.topic],
  ['headers-exchange', routing.headersExchange],
  ['e2e-binding', routing.exchangeToExchange],
  ['alternate', routing.alternate],
  ['consistent-hash', routing.consistentHash],
  ['delayed', routing.delayed],
  ['delivery-limit', queues.deliveryLimit],
  ['transactions', messages.transactions],
  ['direct-reply', messages.directReply],
  ['many-channels', connections.manyChannels],
  ['blocked', connections.blocked],
  ['tls', connections.overTls],
  ['tls-external', connections.externalLogin],
  ['reconnect', connections.reconnect],
  ['topology', connections.topology],
]);
