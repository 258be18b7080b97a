package leveret.matrix.spring;

import com.rabbitmq.client.ConnectionFactory;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.Exchange;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageBuilder;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory.ConfirmType;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;

/** Factory, template, admin, containers and names of one behaviour; all gone when it is closed. */
final class Stage implements AutoCloseable {
    final CachingConnectionFactory factory;
    final RabbitTemplate template;
    final RabbitAdmin admin;

    private final String prefix;
    private final Deque<Runnable> endings = new ArrayDeque<>();

    Stage(String id) {
        prefix = "matrix.spring." + id + ".";
        factory = factory(Environment.url());
        template = new RabbitTemplate(factory);
        admin = new RabbitAdmin(factory);
    }

    /** With confirms and returns, as an application that cares has it. */
    CachingConnectionFactory factory(ConnectionFactory driver) {
        driver.setAutomaticRecoveryEnabled(false);
        var made = new CachingConnectionFactory(driver);
        made.setPublisherConfirmType(ConfirmType.CORRELATED);
        made.setPublisherReturns(true);
        endings.push(made::destroy);
        return made;
    }

    CachingConnectionFactory factory(String url) {
        return factory(driver(url));
    }

    static ConnectionFactory driver(String url) {
        try {
            var driver = new ConnectionFactory();
            driver.setUri(URI.create(url));
            return driver;
        } catch (Exception wrong) {
            throw new IllegalArgumentException(url, wrong);
        }
    }

    String name() {
        return prefix + UUID.randomUUID().toString().substring(0, 8);
    }

    QueueBuilder durable() {
        return QueueBuilder.durable(name());
    }

    /** Declares it, and deletes it at the end. */
    String queue(QueueBuilder builder) {
        Queue queue = builder.build();
        endings.push(() -> admin.deleteQueue(queue.getName()));
        admin.declareQueue(queue);
        return queue.getName();
    }

    String queue() {
        return queue(durable());
    }

    <E extends Exchange> E exchange(E exchange) {
        endings.push(() -> admin.deleteExchange(exchange.getName()));
        admin.declareExchange(exchange);
        return exchange;
    }

    /** A started container; its consumers are there on return. */
    SimpleMessageListenerContainer container(String queue, MessageListener listener,
            Consumer<SimpleMessageListenerContainer> settings) {
        var container = new SimpleMessageListenerContainer(factory);
        container.setQueueNames(queue);
        container.setMessageListener(listener);
        container.setReceiveTimeout(50);
        container.setShutdownTimeout(Check.LIMIT_MILLIS);
        settings.accept(container);
        container.afterPropertiesSet();
        endings.push(container::destroy);
        container.start();
        return container;
    }

    SimpleMessageListenerContainer container(String queue, MessageListener listener, AcknowledgeMode mode) {
        return container(queue, listener, container -> container.setAcknowledgeMode(mode));
    }

    /** Publishes and waits for the confirm, which must be an ack. */
    void send(String exchange, String key, Message message) throws Exception {
        Check.that(confirmed(exchange, key, message), "message to " + key + " is confirmed");
    }

    void send(String exchange, String key, String body) throws Exception {
        send(exchange, key, message(body).build());
    }

    void fill(String queue, String... bodies) throws Exception {
        for (String body : bodies) {
            send("", queue, body);
        }
    }

    boolean confirmed(String exchange, String key, Message message) throws Exception {
        var correlation = new CorrelationData();
        template.send(exchange, key, message, correlation);
        return correlation.getFuture().get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS).isAck();
    }

    static MessageBuilder message(String body) {
        return MessageBuilder.withBody(body.getBytes());
    }

    /** The message at the head of a queue, as soon as there is one. */
    Message arrival(String queue) {
        Message found = template.receive(queue, Check.LIMIT_MILLIS);
        Check.that(found != null, "waited " + Check.LIMIT_MILLIS + " ms for a message in " + queue);
        return found;
    }

    /** The body at the head of a queue, taken out; null if there is none. */
    String take(String queue) {
        Message found = template.receive(queue);
        return found == null ? null : text(found);
    }

    static String text(Message message) {
        return new String(message.getBody());
    }

    long count(String queue) {
        Properties found = admin.getQueueProperties(queue);
        Check.that(found != null, queue + " exists");
        return ((Number) found.get(RabbitAdmin.QUEUE_MESSAGE_COUNT)).longValue();
    }

    void holds(String queue, long messages) throws Exception {
        Check.eventually(() -> count(queue) == messages, messages + " messages in " + queue);
    }

    /** In reverse: containers, then names, then connections. */
    @Override
    public void close() {
        endings.forEach(Runnable::run);
    }
}
