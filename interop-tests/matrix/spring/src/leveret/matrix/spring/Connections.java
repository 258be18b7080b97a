package leveret.matrix.spring;

import com.rabbitmq.client.BlockedListener;
import com.rabbitmq.client.Channel;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;
import org.springframework.amqp.AmqpAuthenticationException;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.Connection;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

/** Logging in, staying, and what a connection carries and is told. */
final class Connections {
    private Connections() {}

    static void connect(Stage stage) throws Exception {
        Connection connection = stage.factory.createConnection();
        connection.createChannel(false).close();
        stage.factory.resetConnection();
        Check.that(!connection.isOpen(), "the connection is closed");
    }

    static void badPassword(Stage stage) throws Exception {
        var driver = Stage.driver(Environment.url());
        driver.setPassword("wrong");
        Check.fails(AmqpAuthenticationException.class, () -> stage.factory(driver).createConnection());
    }

    /** The silence is the behaviour; the library sends its heartbeats by itself. */
    static void heartbeats(Stage stage) throws Exception {
        stage.factory.setRequestedHeartBeat(1);
        AtomicInteger opened = opened(stage.factory);
        String queue = stage.queue();
        Thread.sleep(5_000);
        Check.equal(0L, stage.count(queue), "messages");
        Check.equal(1, opened.get(), "connections");
    }

    /** Counts the connections that the factory opens from now on. */
    static AtomicInteger opened(CachingConnectionFactory factory) {
        var opened = new AtomicInteger();
        factory.addConnectionListener(connection -> opened.incrementAndGet());
        return opened;
    }

    static void manyChannels(Stage stage) throws Exception {
        AtomicInteger opened = opened(stage.factory);
        Connection connection = stage.factory.createConnection();
        var queues = new ArrayList<String>();
        var channels = new ArrayList<Channel>();
        for (int i = 0; i < 200; i++) {
            Channel channel = connection.createChannel(false);
            channels.add(channel);
            queues.add(channel.queueDeclare(stage.name(), false, true, true, null).getQueue());
            channel.basicPublish("", queues.get(i), null, ("for " + i).getBytes());
        }
        for (int i = 0; i < channels.size(); i++) {
            Channel channel = channels.get(i);
            String queue = queues.get(i);
            Check.eventually(() -> channel.messageCount(queue) == 1, "a message in " + queue);
            Check.equal("for " + i, new String(channel.basicGet(queue, true).getBody()), "on channel " + i);
            channel.close();
        }
        Check.equal(1, opened.get(), "connections");
    }

    static void blocked(Stage stage) throws Exception {
        try {
            CachingConnectionFactory factory = stage.factory(Environment.control("blocked"));
            // A broker that blocks a connection does not read it, the goodbye neither.
            factory.setCloseTimeout(1);
            var reason = new CompletableFuture<String>();
            factory.createConnection().addBlockedListener(listener(reason));
            new RabbitTemplate(factory).convertAndSend("amq.fanout", "", "too much");
            String why = reason.get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
            Check.that(why.contains("memory"), "the reason is memory, not " + why);
        } finally {
            Environment.control("unblocked");
        }
    }

    private static BlockedListener listener(CompletableFuture<String> reason) {
        return new BlockedListener() {
            @Override
            public void handleBlocked(String why) {
                reason.complete(why);
            }

            @Override
            public void handleUnblocked() {}
        };
    }
}
