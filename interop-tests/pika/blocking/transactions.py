"""Transactions: publishes and acknowledgements that take effect together, or not at all."""

import pika
import pytest

import broker


@pytest.fixture
def transaction(channel):
    channel.tx_select()
    return channel


@pytest.fixture
def outside(connection):
    """Another channel, which sees only what is committed."""
    return connection.channel()


def what_is_published_appears_with_the_commit(transaction, outside, queue):
    transaction.basic_publish("", queue, b"1")
    transaction.basic_publish("", queue, b"2")
    transaction.queue_declare(queue, passive=True)
    assert broker.drain(outside, queue) == []
    transaction.tx_commit()
    assert broker.drain(outside, queue) == [b"1", b"2"]


def what_is_published_vanishes_with_the_rollback(transaction, outside, queue):
    transaction.basic_publish("", queue, b"never")
    transaction.tx_rollback()
    transaction.tx_commit()
    assert broker.drain(outside, queue) == []


def a_transaction_goes_on_after_a_commit(transaction, outside, queue):
    transaction.tx_commit()
    transaction.basic_publish("", queue, b"next")
    transaction.queue_declare(queue, passive=True)
    assert broker.drain(outside, queue) == []
    transaction.tx_commit()
    assert broker.drain(outside, queue) == [b"next"]


def an_acknowledgement_counts_with_the_commit(transaction, outside, queue):
    broker.publish(outside, queue, b"message")
    transaction.basic_ack(transaction.basic_get(queue)[0].delivery_tag)
    transaction.tx_commit()
    transaction.close()
    broker.settle(outside, queue)
    assert broker.drain(outside, queue) == []


def an_uncommitted_acknowledgement_is_undone_with_the_channel(transaction, outside, queue):
    broker.publish(outside, queue, b"message")
    transaction.basic_ack(transaction.basic_get(queue)[0].delivery_tag)
    transaction.close()
    broker.settle(outside, queue)
    got, _, body = outside.basic_get(queue, auto_ack=True)
    assert (body, got.redelivered) == (b"message", True)


def a_rollback_makes_acknowledged_messages_outstanding_again(transaction, outside, queue):
    broker.publish(outside, queue, b"message")
    tag = transaction.basic_get(queue)[0].delivery_tag
    transaction.basic_ack(tag)
    transaction.tx_rollback()
    assert broker.drain(outside, queue) == []  # not requeued: still with this channel
    transaction.basic_ack(tag)
    transaction.tx_commit()
    transaction.close()
    broker.settle(outside, queue)
    assert broker.drain(outside, queue) == []


def a_requeue_counts_with_the_commit(transaction, outside, queue):
    broker.publish(outside, queue, b"message")
    transaction.basic_reject(transaction.basic_get(queue)[0].delivery_tag, requeue=True)
    transaction.queue_declare(queue, passive=True)
    assert broker.drain(outside, queue) == []
    transaction.tx_commit()
    broker.settle(outside, queue)
    assert broker.drain(outside, queue) == [b"message"]


def a_mandatory_unroutable_message_is_returned_at_the_commit(transaction):
    returned = []
    transaction.add_on_return_callback(lambda _channel, method, _properties, _body: returned.append(method))
    transaction.basic_publish("amq.direct", "nobody listens", b"back", mandatory=True)
    transaction.exchange_declare("amq.direct", passive=True)
    transaction.connection.process_data_events(time_limit=0)
    assert returned == []
    transaction.tx_commit()
    transaction.connection.process_data_events(time_limit=0)
    assert [method.reply_code for method in returned] == [312]


@pytest.mark.parametrize("end", ["tx_commit", "tx_rollback"])
def ending_a_transaction_that_was_not_begun_closes_the_channel(channel, end):
    # The adapter does not let it through, so the method is sent past it.
    methods = {"tx_commit": pika.spec.Tx.Commit, "tx_rollback": pika.spec.Tx.Rollback}
    channel._impl._send_method(methods[end]())
    with broker.channel_error(406, "PRECONDITION_FAILED - channel is not transactional"):
        channel.exchange_declare("amq.direct", passive=True)
