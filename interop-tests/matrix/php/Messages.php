<?php

declare(strict_types=1);

use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

/** What is published comes out unchanged. */
final class Messages
{
    public static function publishGet(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::equal(null, $channel->basic_get($queue), 'what an empty queue gives');
        Stage::fill($channel, $queue, 'hello');
        $message = Stage::arrival($channel, $queue);
        Stage::equal(['hello', $queue], [$message->getBody(), $message->getRoutingKey()], 'body and routing key');
        Stage::equal(null, $channel->basic_get($queue), 'what the queue gives afterwards');
    }

    /** The library writes floating point numbers as strings: there is none among the headers. */
    public static function properties(Stage $stage): void
    {
        $headers = [
            'text' => 'grüße', 'int' => 42, 'long' => -(1 << 40), 'yes' => true, 'nothing' => null,
            'when' => new DateTime('@1700000000'), 'array' => ['a', 1, false, [2, 3]],
            'table' => ['inner' => ['deep' => 'end']],
        ];
        $table = new AMQPTable($headers);
        $table->set('bytes', "\x00\xff\x07", AMQPTable::T_BYTES);
        $properties = [
            'content_type' => 'application/json', 'content_encoding' => 'utf-8', 'delivery_mode' => 2,
            'priority' => 3, 'correlation_id' => 'c-1', 'reply_to' => 'reply', 'expiration' => '60000',
            'message_id' => 'm-1', 'timestamp' => 1_600_000_000, 'type' => 'order', 'user_id' => 'guest',
            'app_id' => 'app',
        ];
        $found = self::roundTrip($stage, 'x', $properties + ['application_headers' => $table]);
        foreach ($properties as $property => $value) {
            Stage::equal($value, $found->get($property), $property);
        }
        $back = $found->get('application_headers')->getNativeData();
        Stage::equal("\x00\xff\x07", $back['bytes'], 'a header of bytes');
        foreach ($headers as $header => $value) {
            // Times are objects, equal by value only.
            Stage::check(array_key_exists($header, $back) && $value == $back[$header], "header $header");
        }
    }

    public static function emptyBody(Stage $stage): void
    {
        Stage::equal('', self::roundTrip($stage, '')->getBody(), 'body');
    }

    public static function largeMessage(Stage $stage): void
    {
        $body = random_bytes(8 * 1024 * 1024);
        Stage::check(self::roundTrip($stage, $body)->getBody() === $body, '8 MiB are the same');
    }

    public static function binaryBody(Stage $stage): void
    {
        $body = pack('C*', ...range(0, 255));
        Stage::check(self::roundTrip($stage, $body)->getBody() === $body, 'all byte values are the same');
    }

    private static function roundTrip(Stage $stage, string $body, array $with = []): AMQPMessage
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::send($channel, '', $queue, $body, $with);
        return Stage::arrival($channel, $queue);
    }
}
