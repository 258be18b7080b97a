package leveret.matrix.spring;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;
import org.springframework.amqp.AmqpRejectAndDontRequeueException;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.rabbit.listener.ListenerContainerConsumerFailedEvent;
import org.springframework.amqp.rabbit.support.ConsumerCancelledException;

/** Listener containers: deliveries and their settlement, and who gets them. */
final class Consumers {
    private Consumers() {}

    static void consumeAck(Stage stage) throws Exception {
        consume(stage, AcknowledgeMode.AUTO);
    }

    static void consumeAutoAck(Stage stage) throws Exception {
        consume(stage, AcknowledgeMode.NONE);
    }

    private static void consume(Stage stage, AcknowledgeMode mode) throws Exception {
        String queue = stage.queue();
        stage.fill(queue, "a", "b", "c");
        var inbox = new Inbox();
        var container = stage.container(queue, inbox, mode);
        Check.equal(List.of("a", "b", "c"), inbox.texts(3), "bodies");
        container.stop();
        stage.factory.resetConnection();
        Check.equal(0L, stage.count(queue), "messages after a reconnect");
    }

    static void redelivered(Stage stage) throws Exception {
        String queue = stage.queue();
        stage.fill(queue, "a", "b");
        var first = new Inbox();
        var holding = stage.container(queue, first, AcknowledgeMode.MANUAL);
        Check.that(first.next(2).stream().noneMatch(Inbox.Received::redelivered), "the first time they are not");
        holding.stop();
        stage.holds(queue, 2);

        var second = new Inbox();
        stage.container(queue, second, AcknowledgeMode.MANUAL);
        List<Inbox.Received> again = second.next(2);
        Check.equal(List.of("a", "b"), Inbox.texts(again), "order");
        Check.that(again.stream().allMatch(Inbox.Received::redelivered), "all are marked redelivered");
    }

    /** A listener that fails: by its exception the container requeues or drops. */
    static void nackRequeue(Stage stage) throws Exception {
        String queue = stage.queue();
        var redelivered = new LinkedBlockingQueue<Boolean>();
        MessageListener failing = message -> {
            boolean again = message.getMessageProperties().isRedelivered();
            redelivered.add(again);
            throw again ? new AmqpRejectAndDontRequeueException("hopeless") : new IllegalStateException("once more");
        };
        var container = stage.container(queue, failing, AcknowledgeMode.AUTO);
        stage.fill(queue, "again");
        Check.equal(false, redelivered.poll(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS), "redelivered at first");
        Check.equal(true, redelivered.poll(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS), "redelivered then");
        container.stop();
        Check.equal(0L, stage.count(queue), "messages after the reject");
        Check.that(redelivered.isEmpty(), "no third delivery");
    }

    static void multipleAck(Stage stage) throws Exception {
        String queue = stage.queue();
        stage.fill(queue, "a", "b", "c", "d");
        var inbox = new Inbox();
        var container = stage.container(queue, inbox, AcknowledgeMode.MANUAL);
        inbox.next(4).get(2).ack(true);
        container.stop();
        stage.holds(queue, 1);
        Check.equal("d", stage.take(queue), "what was not acknowledged");
    }

    static void prefetch(Stage stage) throws Exception {
        String queue = stage.queue();
        stage.fill(queue, "1", "2", "3", "4", "5");
        var inbox = new Inbox();
        stage.container(queue, inbox, container -> {
            container.setAcknowledgeMode(AcknowledgeMode.MANUAL);
            container.setPrefetchCount(3);
        });
        List<Inbox.Received> held = inbox.next(3);
        stage.holds(queue, 2);
        Check.that(inbox.isEmpty(), "no fourth delivery");
        held.get(0).ack(false);
        Check.equal("4", inbox.text(), "after one acknowledgement");
        stage.holds(queue, 1);
        Check.that(inbox.isEmpty(), "no fifth delivery");
    }

    static void consumerCancel(Stage stage) throws Exception {
        String queue = stage.queue();
        var inbox = new Inbox();
        var container = stage.container(queue, inbox, AcknowledgeMode.AUTO);
        stage.fill(queue, "before");
        Check.equal("before", inbox.text(), "before it is stopped");
        container.stop();
        stage.fill(queue, "after");
        Check.equal(1L, stage.count(queue), "what stays in the queue");
        Check.that(inbox.isEmpty(), "nothing more for the stopped container");
    }

    static void cancelNotify(Stage stage) throws Exception {
        String queue = stage.queue();
        var failure = new CompletableFuture<Throwable>();
        stage.container(queue, new Inbox(), container -> container.setApplicationEventPublisher(event -> {
            if (event instanceof ListenerContainerConsumerFailedEvent failed) {
                failure.complete(failed.getThrowable());
            }
        }));
        stage.admin.deleteQueue(queue);
        Throwable told = failure.get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
        Check.that(told instanceof ConsumerCancelledException, "cancelled, not " + told);
    }

    static void singleActive(Stage stage) throws Exception {
        String queue = stage.queue(stage.durable().singleActiveConsumer());
        var first = new Inbox();
        var second = new Inbox();
        var active = stage.container(queue, first, AcknowledgeMode.AUTO);
        stage.container(queue, second, AcknowledgeMode.AUTO);
        stage.fill(queue, "a", "b", "c");
        Check.equal(List.of("a", "b", "c"), first.texts(3), "for the first");
        Check.that(second.isEmpty(), "nothing for the second");
        active.stop();
        stage.fill(queue, "d");
        Check.equal("d", second.text(), "for the second");
    }

    static void consumerPriority(Stage stage) throws Exception {
        String queue = stage.queue();
        var low = new Inbox();
        var high = new Inbox();
        stage.container(queue, low, AcknowledgeMode.MANUAL);
        stage.container(queue, high, container -> {
            container.setAcknowledgeMode(AcknowledgeMode.MANUAL);
            container.setPrefetchCount(2);
            container.setConsumerArguments(Map.of("x-priority", 10));
        });
        stage.fill(queue, "a", "b", "c");
        Check.equal(List.of("a", "b"), high.texts(2), "while it has credit");
        Check.equal("c", low.text(), "for the other when it has none");
        Check.that(high.isEmpty() && low.isEmpty(), "nothing twice");
    }
}
