<?php

declare(strict_types=1);

use PhpAmqpLib\Exception\AMQPBasicCancelException;
use PhpAmqpLib\Message\AMQPMessage;

/** Deliveries and their settlement, and who gets them. */
final class Consumers
{
    public static function consumeAck(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, 'a', 'b', 'c');
        $messages = (new Inbox($channel, $queue))->take(3);
        foreach ($messages as $message) {
            $message->ack();
        }
        Stage::equal(['a', 'b', 'c'], array_map(fn ($message) => $message->getBody(), $messages), 'bodies');
        $channel->getConnection()->close();
        Stage::equal(0, Stage::count($stage->channel(), $queue), 'messages after a reconnect');
    }

    public static function consumeAutoAck(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, 'a', 'b', 'c');
        Stage::equal(['a', 'b', 'c'], (new Inbox($channel, $queue, automatic: true))->bodies(3), 'bodies');
        $channel->getConnection()->close();
        Stage::equal(0, Stage::count($stage->channel(), $queue), 'messages afterwards');
    }

    public static function redelivered(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, 'a', 'b');
        Stage::equal([false, false], self::marks((new Inbox($channel, $queue))->take(2)), 'at first');
        $channel->close();
        $again = $stage->channel();
        self::expectRedelivered(new Inbox($again, $queue));
        $again->getConnection()->close();
        self::expectRedelivered(new Inbox($stage->channel(), $queue));
    }

    private static function expectRedelivered(Inbox $inbox): void
    {
        $messages = $inbox->take(2);
        Stage::equal(['a', 'b'], array_map(fn ($message) => $message->getBody(), $messages), 'order');
        Stage::equal([true, true], self::marks($messages), 'marked as redelivered');
    }

    private static function marks(array $messages): array
    {
        return array_map(fn (AMQPMessage $message) => (bool) $message->isRedelivered(), $messages);
    }

    public static function nackRequeue(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, 'again');
        $channel->basic_get($queue)->nack(requeue: true);
        Stage::holds($channel, $queue, 1);
        $second = $channel->basic_get($queue);
        Stage::check((bool) $second->isRedelivered(), 'marked as redelivered');
        $second->reject(requeue: false);
        $channel->close();
        Stage::equal(0, Stage::count($stage->channel(), $queue), 'messages after the reject');
    }

    public static function multipleAck(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, 'a', 'b', 'c', 'd');
        (new Inbox($channel, $queue))->take(4)[2]->ack(multiple: true);
        $channel->close();
        $later = $stage->channel();
        Stage::holds($later, $queue, 1);
        Stage::equal('d', Stage::take($later, $queue), 'what was not acknowledged');
    }

    public static function prefetch(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, '1', '2', '3', '4', '5');
        $channel->basic_qos(0, 3, false);
        $inbox = new Inbox($channel, $queue);
        $held = $inbox->take(3);
        Stage::holds($channel, $queue, 2);
        Stage::check($inbox->isEmpty(), 'no fourth delivery');
        $held[0]->ack();
        Stage::equal('4', $inbox->next()->getBody(), 'after one acknowledgement');
        Stage::holds($channel, $queue, 1);
        Stage::check($inbox->isEmpty(), 'no fifth delivery');
    }

    public static function consumerCancel(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, 'before');
        $inbox = new Inbox($channel, $queue, automatic: true);
        Stage::equal('before', $inbox->next()->getBody(), 'before it is cancelled');
        $channel->basic_cancel($inbox->tag);
        Stage::fill($channel, $queue, 'after');
        Stage::equal(1, Stage::count($channel, $queue), 'what stays in the queue');
        Stage::check($inbox->isEmpty(), 'nothing more for the cancelled consumer');
    }

    public static function cancelNotify(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        $inbox = new Inbox($channel, $queue);
        $stage->channel()->queue_delete($queue);
        $told = Stage::fails(AMQPBasicCancelException::class, fn () => $inbox->next());
        Stage::equal($inbox->tag, $told->consumerTag, 'cancelled consumer');
    }

    public static function singleActive(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel, ['x-single-active-consumer' => true]);
        $first = new Inbox($channel, $queue, automatic: true);
        $second = new Inbox($stage->channel(), $queue, automatic: true);
        Stage::fill($channel, $queue, 'a', 'b', 'c');
        Stage::equal(['a', 'b', 'c'], $first->bodies(3), 'for the first');
        Stage::check($second->isEmpty(), 'nothing for the second');
        $channel->basic_cancel($first->tag);
        Stage::fill($channel, $queue, 'd');
        Stage::equal('d', $second->next()->getBody(), 'for the second');
    }

    public static function consumerPriority(Stage $stage): void
    {
        $usual = $stage->channel();
        $queue = $stage->queue($usual);
        $low = new Inbox($usual, $queue);
        $preferred = $stage->channel();
        $preferred->basic_qos(0, 2, false);
        $high = new Inbox($preferred, $queue, arguments: ['x-priority' => 10]);
        Stage::fill($usual, $queue, 'a', 'b', 'c');
        Stage::equal(['a', 'b'], $high->bodies(2), 'while it has credit');
        Stage::equal('c', $low->next()->getBody(), 'for the other when it has none');
        Stage::check($high->isEmpty() && $low->isEmpty(), 'nothing twice');
    }
}
