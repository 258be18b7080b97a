<?php

declare(strict_types=1);

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Connection\AbstractConnection;
use PhpAmqpLib\Connection\AMQPConnectionConfig;
use PhpAmqpLib\Connection\AMQPConnectionFactory;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

/** The connections and names of one behaviour, gone when it is left; and expectations. */
final class Stage
{
    public const LIMIT_SECONDS = 10;
    private const STEP_MICROS = 20_000;

    /** @var AbstractConnection[] */
    private array $connections = [];
    /** @var string[] */
    private array $queues = [];
    /** @var string[] */
    private array $exchanges = [];

    public function __construct(private readonly string $prefix)
    {
    }

    public static function config(?string $url = null): AMQPConnectionConfig
    {
        $at = parse_url($url ?? (getenv('INTEROP_URL') ?: 'amqp://guest:guest@127.0.0.1:5672/%2F'));
        $config = new AMQPConnectionConfig();
        $config->setHost($at['host']);
        $config->setPort($at['port']);
        $config->setUser($at['user']);
        $config->setPassword($at['pass']);
        $config->setVhost(urldecode(substr($at['path'], 1)));
        $config->setReadTimeout(self::LIMIT_SECONDS);
        $config->setWriteTimeout(self::LIMIT_SECONDS);
        $config->setChannelRPCTimeout(self::LIMIT_SECONDS);
        return $config;
    }

    public function connect(?AMQPConnectionConfig $config = null): AbstractConnection
    {
        return $this->connections[] = AMQPConnectionFactory::create($config ?? self::config());
    }

    /** A channel on a connection of its own. */
    public function channel(): AMQPChannel
    {
        return $this->connect()->channel();
    }

    public function name(): string
    {
        return $this->prefix . bin2hex(random_bytes(4));
    }

    public function queue(AMQPChannel $channel, array $arguments = [], ?string $name = null): string
    {
        $this->queues[] = $name ??= $this->name();
        $channel->queue_declare($name, durable: true, auto_delete: false, arguments: new AMQPTable($arguments));
        return $name;
    }

    public function exchange(AMQPChannel $channel, string $type, array $arguments = []): string
    {
        $this->exchanges[] = $name = $this->name();
        $table = new AMQPTable($arguments);
        $channel->exchange_declare($name, $type, durable: true, auto_delete: false, arguments: $table);
        return $name;
    }

    /** Publishes on a channel of its own, and waits for the confirm. */
    public static function send(AMQPChannel $near, string $exchange, string $key, string $body, array $with = []): void
    {
        $channel = $near->getConnection()->channel();
        $refused = false;
        $channel->set_nack_handler(function () use (&$refused): void {
            $refused = true;
        });
        $channel->confirm_select();
        $channel->basic_publish(new AMQPMessage($body, $with), $exchange, $key);
        $channel->wait_for_pending_acks(self::LIMIT_SECONDS);
        self::check(!$refused, 'the publish is confirmed');
        $channel->close();
    }

    public static function fill(AMQPChannel $channel, string $queue, string ...$bodies): void
    {
        foreach ($bodies as $body) {
            self::send($channel, '', $queue, $body);
        }
    }

    /** The body at the head of a queue, taken out; null if there is none. */
    public static function take(AMQPChannel $channel, string $queue): ?string
    {
        return $channel->basic_get($queue, true)?->getBody();
    }

    /** The message at the head of a queue, as soon as there is one. */
    public static function arrival(AMQPChannel $channel, string $queue): AMQPMessage
    {
        self::eventually("a message in $queue", function () use ($channel, $queue, &$found): bool {
            return ($found = $channel->basic_get($queue, true)) !== null;
        });
        return $found;
    }

    public static function count(AMQPChannel $channel, string $queue): int
    {
        return $channel->queue_declare($queue, passive: true)[1];
    }

    public static function holds(AMQPChannel $channel, string $queue, int $count): void
    {
        self::eventually("$count messages in $queue", fn () => self::count($channel, $queue) === $count);
    }

    public static function check(bool $holds, string $what): void
    {
        $holds || throw new RuntimeException($what);
    }

    public static function equal(mixed $expected, mixed $found, string $what): void
    {
        $text = fn (mixed $value): string => is_string($value) ? $value : (string) json_encode($value);
        self::check($expected === $found, "$what: expected {$text($expected)}, found {$text($found)}");
    }

    /** The failure that the attempt must end in. */
    public static function fails(string $kind, callable $attempt): Throwable
    {
        try {
            $attempt();
        } catch (Throwable $thrown) {
            return $thrown instanceof $kind ? $thrown : throw $thrown;
        }
        throw new RuntimeException("expected $kind, but it went well");
    }

    public static function eventually(string $what, callable $condition): void
    {
        $deadline = microtime(true) + self::LIMIT_SECONDS;
        while (!$condition()) {
            self::check(microtime(true) < $deadline, 'waited ' . self::LIMIT_SECONDS . " s for: $what");
            usleep(self::STEP_MICROS);
        }
    }

    /** Connections first, so that no consumer of ours holds a name. */
    public function leave(): void
    {
        foreach ($this->connections as $connection) {
            $connection->close();
        }
        if ($this->queues === [] && $this->exchanges === []) {
            return;
        }
        $connection = AMQPConnectionFactory::create(self::config());
        $channel = $connection->channel();
        array_map($channel->queue_delete(...), $this->queues);
        array_map($channel->exchange_delete(...), $this->exchanges);
        $connection->close();
    }
}
