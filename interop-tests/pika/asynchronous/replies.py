"""Direct reply-to: answers without a queue of one's own."""

import pika

import aio

REPLY_TO = "amq.rabbitmq.reply-to"


async def a_request_gets_its_reply():
    async with aio.connected() as caller, aio.connected() as server:
        asking, answering = await caller.channel(), await server.channel()
        questions = await answering.exclusive_queue()
        inbox = await aio.Inbox(answering).consume(questions, auto_ack=True)
        replies = await aio.Inbox(asking).consume(REPLY_TO, auto_ack=True)
        properties = pika.BasicProperties(reply_to=REPLY_TO, correlation_id="first")
        asking.basic_publish("", questions, b"2 + 2", properties)
        await inbox.wait(1)
        answer = pika.BasicProperties(correlation_id=inbox.properties[0].correlation_id)
        answering.basic_publish("", inbox.properties[0].reply_to, b"4", answer)
        await replies.wait(1)
        assert (replies.bodies, replies.properties[0].correlation_id) == ([b"4"], "first")


async def a_request_without_a_consumer_of_replies_closes_the_channel():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        channel.basic_publish("", queue, b"question", pika.BasicProperties(reply_to=REPLY_TO))
        reason = await aio.within_limit(channel.closed)
        assert (reason.reply_code, reason.reply_text) == (
            406,
            "PRECONDITION_FAILED - fast reply consumer does not exist",
        )
