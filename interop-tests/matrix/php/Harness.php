<?php

declare(strict_types=1);

/** The library has no such feature; the message says what it lacks. */
final class NotOffered extends Exception
{
}

/** The table of behaviours, a result line for each; and what the runner tells the program. */
final class Harness
{
    private const LIMIT_SECONDS = 20;

    /** @param array<string, callable(Stage): void> $behaviours */
    public static function run(string $client, array $behaviours): void
    {
        pcntl_async_signals(true);
        $only = array_filter(explode(',', (string) getenv('INTEROP_ONLY')));
        foreach ($behaviours as $id => $behaviour) {
            if ($only === [] || in_array($id, $only, true)) {
                self::report("$client\t$id\t" . self::outcome(new Stage("matrix.$client.$id."), $behaviour));
            }
        }
    }

    private static function outcome(Stage $stage, callable $behaviour): string
    {
        pcntl_signal(SIGALRM, fn () => throw new RuntimeException('took longer than ' . self::LIMIT_SECONDS . ' s'));
        pcntl_alarm(self::LIMIT_SECONDS);
        try {
            try {
                $behaviour($stage);
            } finally {
                $stage->leave();
            }
            return "passed\t";
        } catch (NotOffered $lacking) {
            return "not offered\t{$lacking->getMessage()}";
        } catch (Throwable $failure) {
            return "failed\t" . preg_replace('/\s+/', ' ', get_class($failure) . ": {$failure->getMessage()}");
        } finally {
            pcntl_alarm(0);
        }
    }

    private static function report(string $line): void
    {
        $results = getenv('INTEROP_RESULTS') ?: 'php://stdout';
        file_put_contents($results, "$line\n", FILE_APPEND);
    }

    public static function needed(string $variable): string
    {
        return getenv($variable) ?: throw new RuntimeException("$variable is not set");
    }

    /** Sends a line to the runner; what follows "ok" in its answer. */
    public static function control(string $command): string
    {
        $socket = stream_socket_client('tcp://' . self::needed('INTEROP_CONTROL'));
        fwrite($socket, "$command\n");
        $answer = trim((string) fgets($socket));
        if (!str_starts_with($answer, 'ok')) {
            throw new RuntimeException("control port, asked to $command: $answer");
        }
        return trim(substr($answer, 2));
    }
}
