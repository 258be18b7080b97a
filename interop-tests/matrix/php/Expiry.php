<?php

declare(strict_types=1);

use PhpAmqpLib\Message\AMQPMessage;

/** What happens to messages that wait too long or are given up: time to live and dead letters. */
final class Expiry
{
    public static function messageTtl(Stage $stage): void
    {
        $channel = $stage->channel();
        $dead = $stage->queue($channel);
        $queue = $stage->queue($channel, self::deadLettersTo($dead));
        Stage::send($channel, '', $queue, 'late', ['expiration' => '200']);
        $message = Stage::arrival($channel, $dead);
        Stage::equal('expired', self::deaths($message)[0]['reason'], 'reason');
        Stage::check(!$message->has('expiration'), 'it has no expiration property');
    }

    public static function queueTtl(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel, ['x-message-ttl' => 200]);
        Stage::fill($channel, $queue, 'a', 'b');
        Stage::holds($channel, $queue, 0);
        Stage::equal(null, Stage::take($channel, $queue), 'what is left');
    }

    public static function queueExpires(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel, ['x-expires' => 300]);
        // Asked less often than it expires: a passive declare counts as use.
        sleep(1);
        Stage::equal(404, Queues::refusal(fn () => Stage::count($channel, $queue)), 'reply code');
    }

    public static function deadLetter(Stage $stage): void
    {
        $channel = $stage->channel();
        $exchange = $stage->exchange($channel, 'fanout');
        $dead = $stage->queue($channel);
        $channel->queue_bind($dead, $exchange);
        $queue = $stage->queue($channel, ['x-dead-letter-exchange' => $exchange]);
        Stage::fill($channel, $queue, 'bad');
        $channel->basic_get($queue)->reject(requeue: false);
        $death = self::deaths(Stage::arrival($channel, $dead))[0];
        $expected = ['count' => 1, 'reason' => 'rejected', 'queue' => $queue, 'exchange' => '',
            'routing-keys' => [$queue]];
        foreach ($expected as $field => $value) {
            Stage::equal($value, $death[$field], $field);
        }
    }

    public static function retryLoop(Stage $stage): void
    {
        $channel = $stage->channel();
        $work = $stage->name();
        $waiting = $stage->queue($channel, ['x-message-ttl' => 50] + self::deadLettersTo($work));
        $stage->queue($channel, self::deadLettersTo($waiting), $work);
        $inbox = new Inbox($channel, $work);
        Stage::fill($channel, $work, 'stubborn');
        for ($round = 0; $round < 3; $round++) {
            $inbox->next()->reject(requeue: false);
        }
        Stage::equal([3, 3], array_column(self::deaths($inbox->next()), 'count'), 'counts of both queues');
    }

    public static function deliveryLimit(Stage $stage): void
    {
        $channel = $stage->channel();
        $dead = $stage->queue($channel);
        $limited = ['x-queue-type' => 'quorum', 'x-delivery-limit' => 2];
        $queue = $stage->queue($channel, $limited + self::deadLettersTo($dead));
        $inbox = new Inbox($channel, $queue);
        Stage::fill($channel, $queue, 'poison');
        for ($delivery = 1; $delivery <= 3; $delivery++) {
            $inbox->next()->reject(requeue: true);
        }
        Stage::equal('delivery_limit', self::deaths(Stage::arrival($channel, $dead))[0]['reason'], 'reason');
        Stage::check($inbox->isEmpty(), 'no fourth delivery');
    }

    private static function deadLettersTo(string $queue): array
    {
        return ['x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => $queue];
    }

    private static function deaths(AMQPMessage $message): array
    {
        return $message->get('application_headers')->getNativeData()['x-death'];
    }
}
