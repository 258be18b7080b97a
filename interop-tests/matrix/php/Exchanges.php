<?php

declare(strict_types=1);

use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

/** Where exchanges send what they get. */
final class Exchanges
{
    public static function topic(Stage $stage): void
    {
        $channel = $stage->channel();
        $exchange = $stage->exchange($channel, 'topic');
        $queues = [];
        foreach (['*.orange.*' => 1, 'lazy.#' => 3, '#' => 4, 'quick.*' => 0] as $pattern => $matches) {
            $queues[$pattern] = [$stage->queue($channel), $matches];
            $channel->queue_bind($queues[$pattern][0], $exchange, $pattern);
        }
        foreach (['quick.orange.fox', 'lazy', 'lazy.dog', 'lazy.brown.old.dog'] as $key) {
            Stage::send($channel, $exchange, $key, $key);
        }
        foreach ($queues as $pattern => [$queue, $matches]) {
            Stage::equal($matches, Stage::count($channel, $queue), "matches of $pattern");
        }
    }

    public static function headers(Stage $stage): void
    {
        $channel = $stage->channel();
        $exchange = $stage->exchange($channel, 'headers');
        $wanted = ['kind' => 'order', 'size' => 3];
        [$all, $any] = array_map(function (string $match) use ($stage, $channel, $exchange, $wanted): string {
            $queue = $stage->queue($channel);
            $table = new AMQPTable(['x-match' => $match] + $wanted);
            $channel->queue_bind($queue, $exchange, arguments: $table);
            return $queue;
        }, ['all', 'any']);
        foreach ([$wanted, ['kind' => 'order'], ['size' => 4]] as $headers) {
            Stage::send($channel, $exchange, '', 'x', ['application_headers' => new AMQPTable($headers)]);
        }
        $counts = [Stage::count($channel, $all), Stage::count($channel, $any)];
        Stage::equal([1, 2], $counts, 'matches of all and any');
    }

    public static function exchangeToExchange(Stage $stage): void
    {
        $channel = $stage->channel();
        $first = $stage->exchange($channel, 'topic');
        $second = $stage->exchange($channel, 'fanout');
        $queue = $stage->queue($channel);
        $channel->exchange_bind($second, $first, 'in.*');
        $channel->queue_bind($queue, $second);
        Stage::send($channel, $first, 'in.here', 'through');
        Stage::send($channel, $first, 'out', 'not through');
        Stage::equal('through', Stage::take($channel, $queue), 'what arrives');
        Stage::equal(null, Stage::take($channel, $queue), 'what else');
        $channel->exchange_unbind($second, $first, 'in.*');
        Stage::send($channel, $first, 'in.here', 'too late');
        Stage::equal(null, Stage::take($channel, $queue), 'what arrives without the binding');
    }

    public static function alternate(Stage $stage): void
    {
        $channel = $stage->channel();
        $other = $stage->exchange($channel, 'fanout');
        $exchange = $stage->exchange($channel, 'direct', ['alternate-exchange' => $other]);
        $queue = $stage->queue($channel);
        $channel->queue_bind($queue, $other);
        Stage::send($channel, $exchange, 'nowhere', 'lost and found');
        Stage::equal('lost and found', Stage::take($channel, $queue), 'what arrives');
    }

    public static function consistentHash(Stage $stage): void
    {
        $channel = $stage->channel();
        $exchange = $stage->exchange($channel, 'x-consistent-hash');
        $queues = [$stage->queue($channel), $stage->queue($channel)];
        foreach ($queues as $queue) {
            $channel->queue_bind($queue, $exchange, '1');
        }
        $channel->confirm_select();
        for ($i = 0; $i < 2000; $i++) {
            $channel->basic_publish(new AMQPMessage('x'), $exchange, 'key ' . $i % 1000);
        }
        $channel->wait_for_pending_acks(Stage::LIMIT_SECONDS);
        $counts = array_map(fn (string $queue) => Stage::count($channel, $queue), $queues);
        Stage::equal(2000, array_sum($counts), 'all messages');
        Stage::check(min($counts) >= 400, 'spread is ' . implode(' and ', $counts));
        $keys = array_map(fn () => $channel->basic_get($queues[0], true)->getRoutingKey(), range(1, $counts[0]));
        Stage::equal([2], array_values(array_unique(array_count_values($keys))), 'times a key is in one queue');
    }

    public static function delayed(Stage $stage): void
    {
        $channel = $stage->channel();
        $exchange = $stage->exchange($channel, 'x-delayed-message', ['x-delayed-type' => 'direct']);
        $queue = $stage->queue($channel);
        $channel->queue_bind($queue, $exchange, 'later');
        $sent = microtime(true);
        $delay = ['application_headers' => new AMQPTable(['x-delay' => 300])];
        Stage::send($channel, $exchange, 'later', 'patience', $delay);
        Stage::equal('patience', Stage::arrival($channel, $queue)->getBody(), 'what arrives');
        $seconds = microtime(true) - $sent;
        Stage::check($seconds >= 0.3, "arrived after $seconds s");
    }
}
