"""Messages: what is put in comes out."""

from broker import Inbox, bytes_of, channel, count, drain, publish, queue
from matrix import HEADERS, behaviour


def _through(case, body, **properties):
    """What such a message is when it is got."""
    here = channel(case)
    name = queue(case, here)
    publish(here, name.name, body, **properties)
    return name.get(no_ack=True)


@behaviour("publish-get")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name.name, b"hello")
    got = name.get(no_ack=True)
    info = got.delivery_info
    assert (info["exchange"], info["routing_key"], bytes_of(got)) == ("", name.name, b"hello")
    assert (info["redelivered"], info["message_count"]) == (False, 0)
    assert name.get() is None


@behaviour("properties")
def _(case):
    # kombu's headers have text and no bytes; its times say nothing of a zone.
    headers = HEADERS | {"time": HEADERS["time"].replace(tzinfo=None)}
    sent = {
        "delivery_mode": 2,
        "priority": 7,
        "correlation_id": "correlation",
        "reply_to": "somewhere",
        "message_id": "message",
        "timestamp": 1_700_000_000,
        "type": "greeting",
        "user_id": "guest",
        "app_id": "matrix",
        "cluster_id": "cluster",
    }
    got = _through(case, b"", headers=headers, expiration=60, **sent)
    wanted = sent | {
        "content_type": "application/octet-stream",
        "content_encoding": "binary",
        "application_headers": headers,
        "expiration": "60000",
    }
    different = {name: value for name, value in got.properties.items() if wanted[name] != value}
    assert not different and set(got.properties) == set(wanted), (different, got.properties)


@behaviour("empty-body")
def _(case):
    assert bytes_of(_through(case, b"")) == b""


@behaviour("large-message")
def _(case):
    sent = (bytes(range(251)) * (8 * 1024 * 1024 // 251 + 1))[: 8 * 1024 * 1024]
    got = bytes_of(_through(case, sent))
    assert got == sent, f"{len(got)} bytes came back"


@behaviour("binary-body")
def _(case):
    assert bytes_of(_through(case, bytes(range(256)))) == bytes(range(256))


@behaviour("transactions")
def _(case):
    # kombu has no word for transactions; py-amqp's channel, which kombu hands out, has.
    here, witness = channel(case, transport_options={}), channel(case)
    name = queue(case, here)
    here.tx_select()
    publish(here, name.name, b"1", b"2")
    assert count(witness, name.name) == 0
    here.tx_commit()
    assert count(witness, name.name) == 2
    publish(here, name.name, b"3")
    here.tx_rollback()
    here.tx_commit()
    assert drain(name) == [b"1", b"2"]


@behaviour("direct-reply")
def _(case):
    # The reply goes to the channel that has asked, so that one must not wait for a confirm.
    here, server = channel(case, transport_options={}), channel(case)
    requests = queue(case, server, "requests")
    replies = Inbox(here, "amq.rabbitmq.reply-to", no_ack=True)
    publish(here, requests.name, b"21", reply_to="amq.rabbitmq.reply-to", correlation_id="7")
    (request,) = Inbox(server, requests.name, no_ack=True).wait(1).messages
    answer = str(2 * int(bytes_of(request))).encode()
    asked = request.properties
    publish(server, asked["reply_to"], answer, correlation_id=asked["correlation_id"])
    (reply,) = replies.wait(1).messages
    assert (reply.properties["correlation_id"], bytes_of(reply)) == ("7", b"42")
