package leveret.matrix.java;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Return;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;

/** What a publisher is told, and what it may take back. */
final class Publishing {
    private Publishing() {}

    static void confirms(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        channel.confirmSelect();
        for (int i = 0; i < 1000; i++) {
            channel.basicPublish("", queue, null, Stage.bytes("message " + i));
        }
        channel.waitForConfirmsOrDie(Check.LIMIT_MILLIS);
        Check.equal(1001L, channel.getNextPublishSeqNo(), "next sequence number");
        Check.equal(1000L, channel.messageCount(queue), "messages");
    }

    static void mandatory(Stage stage) throws Exception {
        Channel channel = stage.channel();
        var events = new LinkedBlockingQueue<String>();
        channel.addReturnListener((Return returned) -> events.add("returned " + returned.getReplyCode()));
        channel.addConfirmListener((tag, multiple) -> events.add("ack"), (tag, multiple) -> events.add("nack"));
        channel.confirmSelect();
        channel.basicPublish("", stage.name(), true, null, Stage.bytes("nobody"));
        Check.equal("returned 312", next(events), "first");
        Check.equal("ack", next(events), "second");
    }

    private static String next(BlockingQueue<String> events) throws InterruptedException {
        return events.poll(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    }

    static void rejectPublish(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel, Map.of("x-max-length", 1, "x-overflow", "reject-publish"));
        Stage.fill(channel, queue, "kept");
        channel.confirmSelect();
        Check.eventually(() -> {
            channel.basicPublish("", queue, null, Stage.bytes("refused"));
            return !channel.waitForConfirms(Check.LIMIT_MILLIS);
        }, "a nack");
        Check.equal("kept", Stage.take(channel, queue), "what the queue holds");
    }

    static void transactions(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Channel watching = stage.channel();
        channel.txSelect();
        channel.basicPublish("", queue, null, Stage.bytes("a"));
        channel.basicPublish("", queue, null, Stage.bytes("b"));
        channel.queueDeclarePassive(queue);
        Check.equal(0L, watching.messageCount(queue), "messages before the commit");
        channel.txCommit();
        Stage.holds(watching, queue, 2);
        channel.basicPublish("", queue, null, Stage.bytes("c"));
        channel.txRollback();
        channel.txCommit();
        Check.equal(List.of("a", "b"), List.of(Stage.take(watching, queue), Stage.take(watching, queue)), "all");
        Check.equal(null, Stage.take(watching, queue), "what was rolled back");
    }

    static void directReply(Stage stage) throws Exception {
        Channel server = stage.channel();
        String queue = stage.queue(server);
        server.basicConsume(queue, true, (tag, request) -> answer(server, request.getProperties()), tag -> {});

        Channel client = stage.channel();
        Inbox replies = Inbox.automatic(client, "amq.rabbitmq.reply-to");
        var asking = new BasicProperties.Builder().replyTo("amq.rabbitmq.reply-to").correlationId("7").build();
        client.basicPublish("", queue, asking, Stage.bytes("question"));
        var reply = replies.next();
        Check.equal("answer", Stage.text(reply.getBody()), "body");
        Check.equal("7", reply.getProperties().getCorrelationId(), "correlation id");
    }

    private static void answer(Channel server, BasicProperties request) throws IOException {
        var properties = new BasicProperties.Builder().correlationId(request.getCorrelationId()).build();
        server.basicPublish("", request.getReplyTo(), properties, Stage.bytes("answer"));
    }
}
