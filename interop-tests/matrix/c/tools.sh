#!/bin/sh
# The library's command line tools: declare, publish, get, consume, delete. Silent when all is well.
set -eu
url=${INTEROP_URL:-amqp://guest:guest@127.0.0.1:5672/%2F}
queue=matrix.rabbitmq-c.tools.$$
clean() { amqp-delete-queue --url="$url" --queue="$queue" >/dev/null 2>&1 || true; }
trap clean EXIT

expect() {
    if [ "$2" != "$3" ]; then
        echo "amqp-tools: $1: expected '$2', found '$3'" >&2
        exit 1
    fi
}

expect declare "$queue" "$(amqp-declare-queue --url="$url" --queue="$queue" --durable)"
amqp-publish --url="$url" --routing-key="$queue" --persistent --body=one
printf two | amqp-publish --url="$url" --routing-key="$queue"
expect get one "$(amqp-get --url="$url" --queue="$queue")"
expect consume two "$(amqp-consume --url="$url" --queue="$queue" --count=1 cat)"
if amqp-get --url="$url" --queue="$queue" >/dev/null; then
    echo "amqp-tools: an empty queue gave something" >&2
    exit 1
fi
expect delete 0 "$(amqp-delete-queue --url="$url" --queue="$queue")"
