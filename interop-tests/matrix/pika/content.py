"""Messages: what is put in comes out."""

import decimal

import pika
from broker import channel, drain, publish, queue
from matrix import HEADERS, behaviour


def _through(case, body, **properties):
    """What basic.get returns of such a message."""
    here = channel(case)
    name = queue(case, here)
    publish(here, name, body, **properties)
    return here.basic_get(name, auto_ack=True)


@behaviour("publish-get")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name, b"hello")
    method, _, body = here.basic_get(name, auto_ack=True)
    assert (method.exchange, method.routing_key, body) == ("", name, b"hello")
    assert not method.redelivered and method.message_count == 0
    assert here.basic_get(name) == (None, None, None)


@behaviour("properties")
def _(case):
    # For fractions pika has only decimals.
    headers = HEADERS | {"bytes": b"\x00\xff", "real": decimal.Decimal("2.5")}
    sent = {
        "content_type": "text/plain",
        "content_encoding": "utf-8",
        "headers": headers,
        "delivery_mode": 2,
        "priority": 7,
        "correlation_id": "correlation",
        "reply_to": "somewhere",
        "expiration": "60000",
        "message_id": "message",
        "timestamp": 1_700_000_000,
        "type": "greeting",
        "user_id": "guest",
        "app_id": "matrix",
        "cluster_id": "cluster",
    }
    _, properties, _ = _through(case, b"", **sent)
    assert properties == pika.BasicProperties(**sent), properties


@behaviour("empty-body")
def _(case):
    method, _, body = _through(case, b"")
    assert method is not None and body == b""


@behaviour("large-message")
def _(case):
    sent = bytes(range(251)) * (8 * 1024 * 1024 // 251 + 1)
    sent = sent[: 8 * 1024 * 1024]
    _, _, body = _through(case, sent)
    assert body == sent, f"{len(body)} bytes came back"


@behaviour("binary-body")
def _(case):
    _, _, body = _through(case, bytes(range(256)))
    assert body == bytes(range(256))


@behaviour("transactions")
def _(case):
    here, witness = channel(case), channel(case)
    name = queue(case, here)
    here.tx_select()
    here.basic_publish("", name, b"1")
    here.basic_publish("", name, b"2")
    assert drain(witness, name) == []
    here.tx_commit()
    assert drain(witness, name) == [b"1", b"2"]
    here.basic_publish("", name, b"3")
    here.tx_rollback()
    here.tx_commit()
    assert drain(witness, name) == []


@behaviour("direct-reply")
def _(case):
    here, server = channel(case), channel(case)
    requests = queue(case, here, "requests")
    replies = []
    here.basic_consume(
        "amq.rabbitmq.reply-to", lambda _c, _m, p, body: replies.append((p, body)), auto_ack=True
    )
    asked = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="7")
    here.basic_publish("", requests, b"21", asked)

    def answer(served, _method, properties, body):
        reply = pika.BasicProperties(correlation_id=properties.correlation_id)
        served.basic_publish("", properties.reply_to, str(2 * int(body)).encode(), reply)

    server.basic_consume(requests, answer, auto_ack=True)
    while not replies:
        server.connection.process_data_events(time_limit=0.05)
        here.connection.process_data_events(time_limit=0.05)
    (properties, body), *others = replies
    assert (properties.correlation_id, body, others) == ("7", b"42", [])
