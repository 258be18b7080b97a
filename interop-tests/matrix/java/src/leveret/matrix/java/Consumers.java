package leveret.matrix.java;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.GetResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;

/** Deliveries and their settlement, and who gets them. */
final class Consumers {
    private Consumers() {}

    static void consumeAck(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Stage.fill(channel, queue, "a", "b", "c");
        Inbox inbox = Inbox.acknowledging(channel, queue);
        for (String body : List.of("a", "b", "c")) {
            Delivery delivery = inbox.next();
            Check.equal(body, Stage.text(delivery.getBody()), "body");
            inbox.ack(delivery);
        }
        channel.getConnection().close();
        Check.equal(0L, stage.channel().messageCount(queue), "messages after a reconnect");
    }

    static void consumeAutoAck(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Stage.fill(channel, queue, "a", "b", "c");
        Check.equal(List.of("a", "b", "c"), Inbox.automatic(channel, queue).texts(3), "bodies");
        channel.getConnection().close();
        Check.equal(0L, stage.channel().messageCount(queue), "messages afterwards");
    }

    static void redelivered(Stage stage) throws Exception {
        Channel watching = stage.channel();
        String queue = stage.queue(watching);
        Stage.fill(watching, queue, "a", "b");

        Channel holding = stage.channel();
        Check.that(!Inbox.acknowledging(holding, queue).next(2).get(0).getEnvelope().isRedeliver(), "first is not");
        holding.close();
        Stage.holds(watching, queue, 2);

        Channel again = stage.channel();
        expectRedelivered(Inbox.acknowledging(again, queue).next(2));
        again.getConnection().abort();
        Stage.holds(watching, queue, 2);
        expectRedelivered(Inbox.acknowledging(watching, queue).next(2));
    }

    private static void expectRedelivered(List<Delivery> deliveries) {
        var bodies = deliveries.stream().map(delivery -> Stage.text(delivery.getBody())).toList();
        Check.equal(List.of("a", "b"), bodies, "order");
        Check.that(deliveries.stream().allMatch(it -> it.getEnvelope().isRedeliver()), "all are marked redelivered");
    }

    static void nackRequeue(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Stage.fill(channel, queue, "again");
        channel.basicNack(channel.basicGet(queue, false).getEnvelope().getDeliveryTag(), false, true);
        Stage.holds(channel, queue, 1);
        GetResponse second = channel.basicGet(queue, false);
        Check.that(second.getEnvelope().isRedeliver(), "marked as redelivered");
        channel.basicReject(second.getEnvelope().getDeliveryTag(), false);
        channel.close();
        Check.equal(0L, stage.channel().messageCount(queue), "messages after the reject");
    }

    static void multipleAck(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Stage.fill(channel, queue, "a", "b", "c", "d");
        List<Delivery> deliveries = Inbox.acknowledging(channel, queue).next(4);
        channel.basicAck(deliveries.get(2).getEnvelope().getDeliveryTag(), true);
        channel.close();
        Channel later = stage.channel();
        Stage.holds(later, queue, 1);
        Check.equal("d", Stage.take(later, queue), "what was not acknowledged");
    }

    static void prefetch(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Stage.fill(channel, queue, "1", "2", "3", "4", "5");
        channel.basicQos(3);
        Inbox inbox = Inbox.acknowledging(channel, queue);
        List<Delivery> held = inbox.next(3);
        Stage.holds(channel, queue, 2);
        Check.that(inbox.isEmpty(), "no fourth delivery");
        inbox.ack(held.get(0));
        Check.equal("4", inbox.text(), "after one acknowledgement");
        Stage.holds(channel, queue, 1);
        Check.that(inbox.isEmpty(), "no fifth delivery");
    }

    static void consumerCancel(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Stage.fill(channel, queue, "before");
        Inbox inbox = Inbox.automatic(channel, queue);
        Check.equal("before", inbox.text(), "before it is cancelled");
        channel.basicCancel(inbox.getConsumerTag());
        Stage.fill(channel, queue, "after");
        Check.equal(1L, channel.messageCount(queue), "what stays in the queue");
        Check.that(inbox.isEmpty(), "nothing more for the cancelled consumer");
    }

    static void cancelNotify(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Inbox inbox = Inbox.acknowledging(channel, queue);
        stage.channel().queueDelete(queue);
        String tag = inbox.cancelled.get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
        Check.equal(inbox.getConsumerTag(), tag, "cancelled consumer");
    }

    static void singleActive(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel, Map.of("x-single-active-consumer", true));
        Inbox first = Inbox.automatic(channel, queue);
        Inbox second = Inbox.automatic(stage.channel(), queue);
        Stage.fill(channel, queue, "a", "b", "c");
        Check.equal(List.of("a", "b", "c"), first.texts(3), "for the first");
        Check.that(second.isEmpty(), "nothing for the second");
        channel.basicCancel(first.getConsumerTag());
        Stage.fill(channel, queue, "d");
        Check.equal("d", second.text(), "for the second");
    }

    static void consumerPriority(Stage stage) throws Exception {
        Channel usual = stage.channel();
        String queue = stage.queue(usual);
        Inbox low = Inbox.acknowledging(usual, queue);
        Channel preferred = stage.channel();
        preferred.basicQos(2);
        Inbox high = Inbox.acknowledging(preferred, queue, Map.of("x-priority", 10));
        Stage.fill(usual, queue, "a", "b", "c");
        Check.equal(List.of("a", "b"), high.texts(2), "while it has credit");
        Check.equal("c", low.text(), "for the other when it has none");
        Check.that(high.isEmpty() && low.isEmpty(), "nothing twice");
    }
}
