"""Direct reply-to: answers without a queue of one's own."""

import pika
import pytest

import broker

REPLY_TO = "amq.rabbitmq.reply-to"


def _ask(channel, queue, body, **properties):
    channel.basic_publish("", queue, body, pika.BasicProperties(reply_to=REPLY_TO, **properties))


class Caller(broker.Inbox):
    """A consumer of replies; it has no queue that could be asked."""

    def __init__(self, channel):
        super().__init__(channel, REPLY_TO, auto_ack=True)


def a_request_gets_its_reply(connect, channel, queue):
    replies = Caller(channel)
    server = connect().channel()
    _ask(channel, queue, b"2 + 2", correlation_id="first")
    _, question, body = channel.basic_get(queue, auto_ack=True)
    assert (question.correlation_id, body) == ("first", b"2 + 2")
    assert question.reply_to.startswith(REPLY_TO + ".") and len(question.reply_to) <= 255
    server.confirm_delivery()
    answer = pika.BasicProperties(correlation_id=question.correlation_id)
    server.basic_publish("", question.reply_to, b"4", answer, mandatory=True)
    replies.wait(1)
    assert (replies.bodies, replies.properties[0].correlation_id) == ([b"4"], "first")
    assert (replies.methods[0].exchange, replies.methods[0].routing_key) == ("", question.reply_to)
    assert replies.methods[0].redelivered is False


def many_requests_get_their_replies_in_order(connect, channel, queue):
    replies = Caller(channel)
    server = connect().channel()
    for n in range(100):
        _ask(channel, queue, str(n).encode())
    for _ in range(100):
        _, question, body = channel.basic_get(queue, auto_ack=True)
        server.basic_publish("", question.reply_to, b"re: " + body)
    assert replies.wait(100).bodies == [f"re: {n}".encode() for n in range(100)]


def a_server_finds_out_whether_its_client_is_still_there(connect, channel):
    client = connect()
    asking = client.channel()
    Caller(asking)
    _ask(asking, asking.queue_declare("", exclusive=True).method.queue, b"anyone?")
    _, question, _ = asking.basic_get("", auto_ack=True)
    alive = channel.queue_declare(question.reply_to, passive=True).method
    assert (alive.message_count, alive.consumer_count) == (0, 1)
    asking.close()
    with broker.channel_error(404, f"NOT_FOUND - no queue '{question.reply_to}' in vhost '/'"):
        channel.queue_declare(question.reply_to, passive=True)


def a_request_without_a_consumer_of_replies_closes_the_channel(channel, queue):
    with broker.channel_error(406, "PRECONDITION_FAILED - fast reply consumer does not exist"):
        _ask(channel, queue, b"question")
        channel.queue_declare(queue, passive=True)


def replies_cannot_be_acknowledged(channel):
    with broker.channel_error(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge"):
        channel.basic_consume(REPLY_TO, print, auto_ack=False)


def a_channel_has_one_consumer_of_replies(channel):
    Caller(channel)
    with broker.channel_error(406, "PRECONDITION_FAILED - reply consumer already set"):
        Caller(channel)


def an_invented_reply_address_leads_nowhere(channel):
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish("", REPLY_TO + ".invented", b"to nobody", mandatory=True)
