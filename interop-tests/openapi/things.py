"""What is there when schemathesis asks: something of everything, and a client that is connected."""

import os
import threading

import pika
import requests
import schemathesis

API = os.environ["INTEROP_HTTP_URL"]
LIMITLESS = {"configure": ".*", "write": ".*", "read": ".*"}

session = requests.Session()
session.auth = ("guest", "guest")


def put(path, body):
    answer = session.put(API + path, json=body, timeout=10)
    assert answer.status_code in (201, 204), (path, answer.status_code, answer.text)


def post(path, body):
    answer = session.post(API + path, json=body, timeout=10)
    assert answer.ok, (path, answer.status_code, answer.text)


def populate():
    put("/vhosts/fuzzed", {"description": "is fuzzed", "tags": "one,two"})
    put("/users/watcher", {"password": "secret", "tags": "monitoring"})
    for user in ("guest", "watcher"):
        put(f"/permissions/fuzzed/{user}", LIMITLESS)
    put("/topic-permissions/fuzzed/watcher", {"exchange": "amq.topic", "write": ".*", "read": ".*"})
    put("/queues/fuzzed/orders", {"durable": True, "arguments": {"x-max-length": 1000}})
    put("/queues/fuzzed/quorum", {"durable": True, "arguments": {"x-queue-type": "quorum"}})
    put("/exchanges/fuzzed/events", {"type": "topic"})
    put("/exchanges/fuzzed/others", {"type": "fanout"})
    put("/exchanges/fuzzed/delayed", {"type": "x-delayed-message", "arguments": {"x-delayed-type": "topic"}})
    post("/bindings/fuzzed/e/events/q/orders", {"routing_key": "o.#"})
    post("/bindings/fuzzed/e/events/e/others", {"arguments": {"one": 1}})
    for kind in ("policies", "operator-policies"):
        put(f"/{kind}/fuzzed/short", {"pattern": "^o", "definition": {"max-length": 100}})
    put("/vhost-limits/fuzzed/max-queues", {"value": 1000})
    put("/user-limits/watcher/max-channels", {"value": 1000})
    put("/global-parameters/short", {"value": {"any": 1}})
    for number in range(5):
        message = {"headers": {"x-delay": 600_000}, "priority": number}
        body = {"properties": message, "routing_key": "o.x", "payload": "hello", "payload_encoding": "string"}
        for exchange in ("events", "delayed"):
            post(f"/exchanges/fuzzed/{exchange}/publish", body)


def connect():
    parameters = pika.URLParameters(os.environ["INTEROP_URL"])
    parameters.virtual_host = "fuzzed"
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("own", exclusive=True)
    channel.basic_qos(prefetch_count=2)
    channel.basic_consume("orders", lambda *_: None)
    channel.basic_publish("events", "o.y", b"\xff")
    threading.Thread(target=channel.start_consuming, daemon=True).start()
    return session.get(API + "/connections", timeout=10).json()[0]["name"]


populate()
CONNECTION = connect()


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Nobody guesses the name of a connection."""
    if path_parameters and "connection" in path_parameters:
        path_parameters["connection"] = CONNECTION
    if path_parameters and "channel" in path_parameters:
        path_parameters["channel"] = f"{CONNECTION} (1)"
    return path_parameters
