<?php

declare(strict_types=1);

use PhpAmqpLib\Message\AMQPMessage;

/** What a publisher is told, and what it may take back. */
final class Publishing
{
    public static function confirms(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        $acked = 0;
        $channel->set_ack_handler(function () use (&$acked): void {
            $acked++;
        });
        $channel->confirm_select();
        for ($i = 0; $i < 1000; $i++) {
            $channel->basic_publish(new AMQPMessage("message $i"), '', $queue);
        }
        $channel->wait_for_pending_acks(Stage::LIMIT_SECONDS);
        Stage::equal(1000, $acked, 'confirmed');
        Stage::equal(1000, Stage::count($channel, $queue), 'messages');
    }

    public static function mandatory(Stage $stage): void
    {
        $channel = $stage->channel();
        $events = [];
        $channel->set_return_listener(function (int $code) use (&$events): void {
            $events[] = "returned $code";
        });
        $channel->set_ack_handler(function () use (&$events): void {
            $events[] = 'ack';
        });
        $channel->confirm_select();
        $channel->basic_publish(new AMQPMessage('nobody'), '', $stage->name(), mandatory: true);
        $channel->wait_for_pending_acks_returns(Stage::LIMIT_SECONDS);
        Stage::equal(['returned 312', 'ack'], $events, 'events');
    }

    public static function rejectPublish(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel, ['x-max-length' => 1, 'x-overflow' => 'reject-publish']);
        Stage::fill($channel, $queue, 'kept');
        $nacked = 0;
        $channel->set_nack_handler(function () use (&$nacked): void {
            $nacked++;
        });
        $channel->confirm_select();
        Stage::eventually('a nack', function () use ($channel, $queue, &$nacked): bool {
            $channel->basic_publish(new AMQPMessage('refused'), '', $queue);
            $channel->wait_for_pending_acks(Stage::LIMIT_SECONDS);
            return $nacked > 0;
        });
        Stage::equal('kept', Stage::take($channel, $queue), 'what the queue holds');
    }

    public static function transactions(Stage $stage): void
    {
        $channel = $stage->channel();
        $queue = $stage->queue($channel);
        $watching = $stage->channel();
        $channel->tx_select();
        $channel->basic_publish(new AMQPMessage('a'), '', $queue);
        $channel->basic_publish(new AMQPMessage('b'), '', $queue);
        $counts = [Stage::count($channel, $queue), Stage::count($watching, $queue)];
        Stage::equal([0, 0], $counts, 'messages before the commit');
        $channel->tx_commit();
        Stage::holds($watching, $queue, 2);
        $channel->basic_publish(new AMQPMessage('c'), '', $queue);
        $channel->tx_rollback();
        $channel->tx_commit();
        $taken = array_map(fn () => Stage::take($watching, $queue), range(1, 3));
        Stage::equal(['a', 'b', null], $taken, 'all, and not what was rolled back');
    }

    public static function directReply(Stage $stage): void
    {
        $server = $stage->channel();
        $queue = $stage->queue($server);
        $requests = new Inbox($server, $queue, automatic: true);

        $client = $stage->channel();
        $replies = new Inbox($client, 'amq.rabbitmq.reply-to', automatic: true);
        $asking = ['reply_to' => 'amq.rabbitmq.reply-to', 'correlation_id' => '7'];
        $client->basic_publish(new AMQPMessage('question', $asking), '', $queue);

        $request = $requests->next();
        $answer = new AMQPMessage('answer', ['correlation_id' => $request->get('correlation_id')]);
        $server->basic_publish($answer, '', $request->get('reply_to'));

        $reply = $replies->next();
        Stage::equal(['answer', '7'], [$reply->getBody(), $reply->get('correlation_id')], 'reply');
    }
}
