<?php

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

/** A consumer that keeps what it gets. */
final class Inbox
{
    public readonly string $tag;
    /** @var AMQPMessage[] */
    private array $received = [];

    public function __construct(
        private readonly AMQPChannel $channel,
        string $queue,
        bool $automatic = false,
        array $arguments = [],
    ) {
        $this->tag = $channel->basic_consume($queue, no_ack: $automatic, arguments: new AMQPTable($arguments), callback:
            function (AMQPMessage $message): void {
                $this->received[] = $message;
            });
    }

    public function next(): AMQPMessage
    {
        while ($this->received === []) {
            $this->channel->wait(null, false, Stage::LIMIT_SECONDS);
        }
        return array_shift($this->received);
    }

    /** @return AMQPMessage[] */
    public function take(int $count): array
    {
        return array_map(fn () => $this->next(), range(1, $count));
    }

    /** @return string[] */
    public function bodies(int $count): array
    {
        return array_map(fn (AMQPMessage $message) => $message->getBody(), $this->take($count));
    }

    /** Looks at what has arrived, without waiting. */
    public function isEmpty(): bool
    {
        do {
            $before = count($this->received);
            $this->channel->wait(null, true);
        } while (count($this->received) > $before);
        return $this->received === [];
    }
}
