<?php

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Exception\AMQPProtocolChannelException;

/** Declaring queues, and in which order and how much they keep. */
final class Queues
{
    /** The reply code with which the broker closes the channel of this attempt. */
    public static function refusal(callable $attempt): int
    {
        return Stage::fails(AMQPProtocolChannelException::class, $attempt)->getCode();
    }

    public static function exclusive(Stage $stage): void
    {
        $own = $stage->connect();
        [$queue] = $own->channel()->queue_declare($stage->name(), exclusive: true, auto_delete: false);
        $other = $stage->connect();
        $passive = fn () => $other->channel()->queue_declare($queue, passive: true);
        Stage::equal(405, self::refusal($passive), 'reply code');
        $own->close();
        Stage::eventually('the queue to go with its connection', fn () => self::refusal($passive) === 404);
    }

    public static function passiveMissing(Stage $stage): void
    {
        $connection = $stage->connect();
        $channel = $connection->channel();
        $code = self::refusal(fn () => $channel->queue_declare($stage->name(), passive: true));
        Stage::equal(404, $code, 'reply code');
        Stage::check(!$channel->is_open(), 'the channel is closed');
        $connection->channel()->close();
    }

    public static function inequivalent(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::equal(406, self::refusal(fn () => $stage->queue($channel, ['x-max-length' => 1], $queue)), 'reply code');
    }

    public static function maxLength(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel, ['x-max-length' => 2]);
        Stage::fill($channel, $queue, 'a', 'b', 'c');
        Stage::equal(2, Stage::count($channel, $queue), 'messages');
        Stage::equal(['b', 'c'], self::takeAll($channel, $queue, 2), 'the oldest left and the newest');
    }

    public static function priority(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel, ['x-max-priority' => 5]);
        foreach (['1a', '5a', '3a', '1b', '5b', '3b'] as $body) {
            Stage::send($channel, '', $queue, $body, ['priority' => (int) $body[0]]);
        }
        Stage::equal(['5a', '5b', '3a', '3b', '1a', '1b'], self::takeAll($channel, $queue, 6), 'order');
    }

    private static function takeAll(AMQPChannel $channel, string $queue, int $count): array
    {
        return array_map(fn () => Stage::take($channel, $queue), range(1, $count));
    }
}
