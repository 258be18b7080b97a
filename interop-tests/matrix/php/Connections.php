<?php

declare(strict_types=1);

use PhpAmqpLib\Connection\AMQPConnectionConfig;
use PhpAmqpLib\Connection\AMQPConnectionFactory;
use PhpAmqpLib\Connection\Heartbeat\PCNTLHeartbeatSender;
use PhpAmqpLib\Exception\AMQPConnectionClosedException;
use PhpAmqpLib\Exception\AMQPIOException;
use PhpAmqpLib\Message\AMQPMessage;

/** Logging in, staying, and what a connection carries and is told. */
final class Connections
{
    public static function connect(Stage $stage): void
    {
        $connection = $stage->connect();
        $channel = $connection->channel();
        $channel->close();
        $connection->close();
        Stage::check(!$channel->is_open() && !$connection->isConnected(), 'both are closed');
    }

    public static function badPassword(Stage $stage): void
    {
        $config = Stage::config();
        $config->setPassword('wrong');
        $refused = Stage::fails(AMQPConnectionClosedException::class, fn () => $stage->connect($config));
        Stage::equal(403, $refused->getCode(), 'reply code');
    }

    /** The silence is the behaviour; the library sends its heartbeats by the alarm signal. */
    public static function heartbeats(Stage $stage): void
    {
        $config = Stage::config();
        $config->setHeartbeat(2);
        $connection = $stage->connect($config);
        $sender = new PCNTLHeartbeatSender($connection);
        $sender->register();
        for ($until = microtime(true) + 5; microtime(true) < $until;) {
            // Each signal ends the sleep early.
            usleep((int) (1e6 * max(0, $until - microtime(true))));
        }
        $sender->unregister();
        $connection->channel()->close();
    }

    public static function manyChannels(Stage $stage): void
    {
        $connection = $stage->connect();
        $channels = [];
        for ($i = 0; $i < 200; $i++) {
            $channel = $connection->channel();
            [$queue] = $channel->queue_declare($stage->name(), exclusive: true);
            $channel->basic_publish(new AMQPMessage("for $i"), '', $queue);
            $channels[] = [$channel, $queue];
        }
        foreach ($channels as $i => [$channel, $queue]) {
            Stage::equal("for $i", Stage::arrival($channel, $queue)->getBody(), "on channel $i");
        }
    }

    public static function blocked(Stage $stage): void
    {
        try {
            $connection = AMQPConnectionFactory::create(Stage::config(Harness::control('blocked')));
            // A broker that blocks a connection does not read it, the goodbye neither.
            $connection->set_close_on_destruct(false);
            $told = null;
            $connection->set_connection_block_handler(function (string $reason) use (&$told): void {
                $told = $reason;
            });
            $connection->channel()->basic_publish(new AMQPMessage('too much'), 'amq.fanout');
            while ($told === null) {
                $connection->wait(null, false, Stage::LIMIT_SECONDS);
            }
            Stage::check(str_contains($told, 'memory'), "the reason is memory, not $told");
        } finally {
            Harness::control('unblocked');
        }
    }

    public static function tls(Stage $stage): void
    {
        $channel = $stage->connect(self::secured('INTEROP_CA'))->channel();
        $queue = $stage->queue($channel);
        Stage::fill($channel, $queue, 'secret');
        Stage::equal('secret', Stage::take($channel, $queue), 'body');
        // PHP keeps OpenSSL's reason to itself; nothing but the authority has changed.
        $refused = Stage::fails(AMQPIOException::class, fn () => $stage->connect(self::secured('INTEROP_OTHER_CA')));
        $why = $refused->getMessage();
        Stage::check(str_contains($why, 'Unable to connect to tls://'), "refused by TLS, not by: $why");
    }

    /** Without a user name: that is the certificate's. */
    public static function external(Stage $stage): void
    {
        $config = self::secured('INTEROP_CA');
        $config->setUser('');
        $config->setPassword('');
        $config->setLoginResponse('');
        $config->setLoginMethod(AMQPConnectionConfig::AUTH_EXTERNAL);
        $stage->connect($config)->channel()->close();
    }

    private static function secured(string $authority): AMQPConnectionConfig
    {
        $config = Stage::config(Harness::needed('INTEROP_TLS_URL'));
        $config->setIsSecure(true);
        $config->setNetworkProtocol('tls');
        $config->setSslVerify(true);
        $config->setSslVerifyName(true);
        $config->setSslCaCert(Harness::needed($authority));
        $config->setSslCert(Harness::needed('INTEROP_CLIENT_CERT'));
        $config->setSslKey(Harness::needed('INTEROP_CLIENT_KEY'));
        return $config;
    }
}
