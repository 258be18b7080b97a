<?php

declare(strict_types=1);

use PhpAmqpLib\Exception\AMQPExceptionInterface;
use PhpAmqpLib\Message\AMQPMessage;

/** A restart of the broker; the library reconnects when it is told to. */
final class Recovery
{
    public static function reconnect(Stage $stage): void
    {
        $connection = $stage->connect();
        $channel = $connection->channel();
        $queue = $stage->queue($channel);
        $persistent = ['delivery_mode' => AMQPMessage::DELIVERY_MODE_PERSISTENT];
        Stage::send($channel, '', $queue, 'durable', $persistent);
        Harness::control('restart');
        Stage::fails(Exception::class, fn () => Stage::count($channel, $queue));
        Stage::eventually('a connection', function () use ($connection): bool {
            try {
                $connection->reconnect();
                return true;
            } catch (AMQPExceptionInterface) {
                return false;
            }
        });
        $message = Stage::arrival($connection->channel(), $queue);
        Stage::equal('durable', $message->getBody(), 'what was there before');
    }

    public static function topology(Stage $stage): void
    {
        throw new NotOffered('has no topology recovery');
    }
}
