package leveret.matrix.java;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.Envelope;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;

/** A consumer that keeps what it gets. */
final class Inbox extends DefaultConsumer {
    /** Complete when the broker has cancelled this consumer. */
    final CompletableFuture<String> cancelled = new CompletableFuture<>();

    private final BlockingQueue<Delivery> deliveries = new LinkedBlockingQueue<>();

    private Inbox(Channel channel) {
        super(channel);
    }

    static Inbox acknowledging(Channel channel, String queue, Map<String, Object> arguments) throws IOException {
        var inbox = new Inbox(channel);
        channel.basicConsume(queue, false, arguments, inbox);
        return inbox;
    }

    static Inbox acknowledging(Channel channel, String queue) throws IOException {
        return acknowledging(channel, queue, Map.of());
    }

    static Inbox automatic(Channel channel, String queue) throws IOException {
        var inbox = new Inbox(channel);
        channel.basicConsume(queue, true, inbox);
        return inbox;
    }

    @Override
    public void handleDelivery(String tag, Envelope envelope, BasicProperties properties, byte[] body) {
        deliveries.add(new Delivery(envelope, properties, body));
    }

    @Override
    public void handleCancel(String tag) {
        cancelled.complete(tag);
    }

    Delivery next() throws InterruptedException {
        Delivery delivery = deliveries.poll(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
        Check.that(delivery != null, "waited " + Check.LIMIT_MILLIS + " ms for a delivery");
        return delivery;
    }

    /** The next so many deliveries, still to be acknowledged. */
    List<Delivery> next(int count) throws InterruptedException {
        var found = new ArrayList<Delivery>();
        while (found.size() < count) {
            found.add(next());
        }
        return found;
    }

    String text() throws InterruptedException {
        return Stage.text(next().getBody());
    }

    List<String> texts(int count) throws InterruptedException {
        return next(count).stream().map(delivery -> Stage.text(delivery.getBody())).toList();
    }

    void ack(Delivery delivery) throws IOException {
        getChannel().basicAck(delivery.getEnvelope().getDeliveryTag(), false);
    }

    boolean isEmpty() {
        return deliveries.isEmpty();
    }
}
