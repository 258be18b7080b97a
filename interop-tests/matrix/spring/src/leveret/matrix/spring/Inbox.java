package leveret.matrix.spring;

import com.rabbitmq.client.Channel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.listener.api.ChannelAwareMessageListener;

/** A listener that keeps what it gets, and what to acknowledge it with. */
final class Inbox implements ChannelAwareMessageListener {
    private final BlockingQueue<Received> received = new LinkedBlockingQueue<>();

    /** A message and the channel that it came on. */
    record Received(Message message, Channel channel) {
        void ack(boolean multiple) throws IOException {
            channel.basicAck(message.getMessageProperties().getDeliveryTag(), multiple);
        }

        void reject(boolean requeue) throws IOException {
            channel.basicReject(message.getMessageProperties().getDeliveryTag(), requeue);
        }

        boolean redelivered() {
            return message.getMessageProperties().isRedelivered();
        }
    }

    @Override
    public void onMessage(Message message, Channel channel) {
        received.add(new Received(message, channel));
    }

    Received next() throws InterruptedException {
        Received next = received.poll(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
        Check.that(next != null, "waited " + Check.LIMIT_MILLIS + " ms for a delivery");
        return next;
    }

    List<Received> next(int count) throws InterruptedException {
        var found = new ArrayList<Received>();
        while (found.size() < count) {
            found.add(next());
        }
        return found;
    }

    String text() throws InterruptedException {
        return Stage.text(next().message());
    }

    List<String> texts(int count) throws InterruptedException {
        return texts(next(count));
    }

    static List<String> texts(List<Received> messages) {
        return messages.stream().map(it -> Stage.text(it.message())).toList();
    }

    boolean isEmpty() {
        return received.isEmpty();
    }
}
