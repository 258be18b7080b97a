#!/bin/sh
# What the container runs: the words of its command are a program, as with RabbitMQ's official image, or flags of the
# broker, or one of leveret's own commands.
set -eu

case "${1:-}" in
    '' | -*)
        exec /leveret serve "$@"
        ;;
    rabbitmq-server)
        # Flags of Erlang's start have no meaning here: `-detached` least of all.
        exec /leveret serve
        ;;
    serve | ctl | ping | check | perf | log)
        exec /leveret "$@"
        ;;
    *)
        exec "$@"
        ;;
esac
