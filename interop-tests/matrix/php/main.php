<?php

declare(strict_types=1);

// php-amqplib, in the order of the list of behaviours.
require 'PhpAmqpLib/autoload.php';
foreach (['Harness', 'Stage', 'Inbox', 'Connections', 'Messages', 'Consumers', 'Queues', 'Publishing', 'Expiry',
    'Exchanges', 'Recovery'] as $class) {
    require __DIR__ . "/$class.php";
}

Harness::run('php-amqplib', [
    'connect' => Connections::connect(...),
    'bad-password' => Connections::badPassword(...),
    'heartbeats' => Connections::heartbeats(...),
    'publish-get' => Messages::publishGet(...),
    'properties' => Messages::properties(...),
    'empty-body' => Messages::emptyBody(...),
    'large-message' => Messages::largeMessage(...),
    'binary-body' => Messages::binaryBody(...),
    'consume-ack' => Consumers::consumeAck(...),
    'consume-auto-ack' => Consumers::consumeAutoAck(...),
    'redelivered' => Consumers::redelivered(...),
    'nack-requeue' => Consumers::nackRequeue(...),
    'multiple-ack' => Consumers::multipleAck(...),
    'prefetch' => Consumers::prefetch(...),
    'consumer-cancel' => Consumers::consumerCancel(...),
    'cancel-notify' => Consumers::cancelNotify(...),
    'exclusive' => Queues::exclusive(...),
    'passive-missing' => Queues::passiveMissing(...),
    'inequivalent' => Queues::inequivalent(...),
    'confirms' => Publishing::confirms(...),
    'mandatory' => Publishing::mandatory(...),
    'reject-publish' => Publishing::rejectPublish(...),
    'max-length' => Queues::maxLength(...),
    'message-ttl' => Expiry::messageTtl(...),
    'queue-ttl' => Expiry::queueTtl(...),
    'queue-expires' => Expiry::queueExpires(...),
    'dead-letter' => Expiry::deadLetter(...),
    'retry-loop' => Expiry::retryLoop(...),
    'priority' => Queues::priority(...),
    'single-active' => Consumers::singleActive(...),
    'consumer-priority' => Consumers::consumerPriority(...),
    'topic' => Exchanges::topic(...),
    'headers-exchange' => Exchanges::headers(...),
    'e2e-binding' => Exchanges::exchangeToExchange(...),
    'alternate' => Exchanges::alternate(...),
    'consistent-hash' => Exchanges::consistentHash(...),
    'delayed' => Exchanges::delayed(...),
    'delivery-limit' => Expiry::deliveryLimit(...),
    'transactions' => Publishing::transactions(...),
    'direct-reply' => Publishing::directReply(...),
    'many-channels' => Connections::manyChannels(...),
    'blocked' => Connections::blocked(...),
    'tls' => Connections::tls(...),
    'tls-external' => Connections::external(...),
    'reconnect' => Recovery::reconnect(...),
    'topology' => Recovery::topology(...),
]);
