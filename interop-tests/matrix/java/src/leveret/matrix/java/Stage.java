package leveret.matrix.java;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.BuiltinExchangeType;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;

/** The connections and the names of one behaviour; both are gone when it is closed, also after a failure. */
final class Stage implements AutoCloseable {
    private final String prefix;
    private final List<Connection> connections = new ArrayList<>();
    private final Deque<Removal> made = new ArrayDeque<>();

    Stage(String id) {
        prefix = "matrix.java." + id + ".";
    }

    /** A factory for the broker under test, without recovery: a behaviour that loses a connection means to. */
    static ConnectionFactory factory(String url) {
        try {
            var factory = new ConnectionFactory();
            factory.setUri(url);
            factory.setAutomaticRecoveryEnabled(false);
            return factory;
        } catch (Exception wrong) {
            throw new IllegalArgumentException(url, wrong);
        }
    }

    Connection connect(ConnectionFactory factory) throws Exception {
        Connection connection = factory.newConnection();
        connections.add(connection);
        return connection;
    }

    Connection connect() throws Exception {
        return connect(factory(Environment.url()));
    }

    /** A channel on a connection of its own. */
    Channel channel() throws Exception {
        return connect().createChannel();
    }

    String name() {
        return prefix + UUID.randomUUID().toString().substring(0, 8);
    }

    String queue(Channel channel, Map<String, Object> arguments) throws IOException {
        String queue = name();
        made.push(removing -> removing.queueDelete(queue));
        return channel.queueDeclare(queue, true, false, false, arguments).getQueue();
    }

    String queue(Channel channel) throws IOException {
        return queue(channel, Map.of());
    }

    String exchange(Channel channel, String type, Map<String, Object> arguments) throws IOException {
        String exchange = name();
        made.push(removing -> removing.exchangeDelete(exchange));
        channel.exchangeDeclare(exchange, type, true, false, arguments);
        return exchange;
    }

    String exchange(Channel channel, BuiltinExchangeType type) throws IOException {
        return exchange(channel, type.getType(), Map.of());
    }

    /** Puts messages into a queue; they are there on return. */
    static void fill(Channel channel, String queue, String... bodies) throws Exception {
        for (String body : bodies) {
            send(channel, "", queue, MessageProperties.MINIMAL_BASIC, body);
        }
    }

    /** Publishes on a channel of its own, and waits for the confirm. */
    static void send(Channel near, String exchange, String key, BasicProperties properties, String body)
            throws Exception {
        try (Channel channel = near.getConnection().createChannel()) {
            channel.confirmSelect();
            channel.basicPublish(exchange, key, properties, bytes(body));
            channel.waitForConfirmsOrDie(Check.LIMIT_MILLIS);
        }
    }

    /** The body at the head of a queue, taken out; null if there is none. */
    static String take(Channel channel, String queue) throws IOException {
        GetResponse got = channel.basicGet(queue, true);
        return got == null ? null : text(got.getBody());
    }

    /** The message at the head of a queue, as soon as there is one. */
    static GetResponse arrival(Channel channel, String queue) throws Exception {
        var found = new GetResponse[1];
        Check.eventually(() -> (found[0] = channel.basicGet(queue, true)) != null, "a message in " + queue);
        return found[0];
    }

    static void holds(Channel channel, String queue, long messages) throws Exception {
        Check.eventually(() -> channel.messageCount(queue) == messages, messages + " messages in " + queue);
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Connections go first: an exclusive consumer of ours must not hold the removal up. */
    @Override
    public void close() throws Exception {
        connections.forEach(connection -> connection.abort((int) Check.LIMIT_MILLIS));
        if (made.isEmpty()) {
            return;
        }
        try (Connection connection = factory(Environment.url()).newConnection()) {
            for (Removal removal : made) {
                removal.on(connection.createChannel());
            }
        }
    }

    private interface Removal {
        void on(Channel channel) throws IOException;
    }
}
