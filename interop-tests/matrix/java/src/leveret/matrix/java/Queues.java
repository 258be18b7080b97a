package leveret.matrix.java;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import leveret.matrix.harness.Check;

/** Declaring queues, and in which order and how much they keep. */
final class Queues {
    private Queues() {}

    /** The reply code with which the broker closes the channel of this attempt. */
    static int refusal(Check.Attempt attempt) throws Exception {
        var signal = (ShutdownSignalException) Check.fails(IOException.class, attempt).getCause();
        Check.that(!signal.isHardError(), "only the channel is closed");
        return ((AMQP.Channel.Close) signal.getReason()).getReplyCode();
    }

    static void exclusive(Stage stage) throws Exception {
        Connection own = stage.connect();
        String queue = stage.name();
        own.createChannel().queueDeclare(queue, false, true, false, null);
        Connection other = stage.connect();
        Check.equal(405, refusal(() -> other.createChannel().queueDeclarePassive(queue)), "reply code");
        own.close();
        Check.eventually(() -> isMissing(other, queue), "the queue to go with its connection");
    }

    static boolean isMissing(Connection connection, String queue) throws Exception {
        try (Channel channel = connection.createChannel()) {
            channel.queueDeclarePassive(queue);
            return false;
        } catch (IOException refused) {
            if (refused.getCause().getMessage().contains("reply-code=404")) {
                return true;
            }
            throw refused;
        }
    }

    static void passiveMissing(Stage stage) throws Exception {
        Connection connection = stage.connect();
        Channel channel = connection.createChannel();
        Check.equal(404, refusal(() -> channel.queueDeclarePassive(stage.name())), "reply code");
        Check.that(!channel.isOpen(), "the channel is closed");
        connection.createChannel().close();
    }

    static void inequivalent(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel);
        Map<String, Object> other = Map.of("x-max-length", 1);
        Check.equal(406, refusal(() -> channel.queueDeclare(queue, true, false, false, other)), "reply code");
    }

    static void maxLength(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel, Map.of("x-max-length", 2));
        Stage.fill(channel, queue, "a", "b", "c");
        Check.equal(2L, channel.messageCount(queue), "messages");
        Check.equal("b", Stage.take(channel, queue), "the oldest left");
        Check.equal("c", Stage.take(channel, queue), "the newest");
    }

    static void priority(Stage stage) throws Exception {
        Channel channel = stage.channel();
        String queue = stage.queue(channel, Map.of("x-max-priority", 5));
        for (String body : List.of("1a", "5a", "3a", "1b", "5b", "3b")) {
            var priority = new BasicProperties.Builder().priority(body.charAt(0) - '0').build();
            Stage.send(channel, "", queue, priority, body);
        }
        var order = new ArrayList<String>();
        for (int i = 0; i < 6; i++) {
            order.add(Stage.take(channel, queue));
        }
        Check.equal(List.of("5a", "5b", "3a", "3b", "1a", "1b"), order, "order");
    }
}
