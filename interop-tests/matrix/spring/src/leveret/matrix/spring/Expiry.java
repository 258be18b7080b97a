package leveret.matrix.spring;

import java.util.List;
import java.util.Map;
import leveret.matrix.harness.Check;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.BindingBuilder;
import org.springframework.amqp.core.FanoutExchange;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.rabbit.config.RetryInterceptorBuilder;
import org.springframework.amqp.rabbit.retry.MessageRecoverer;
import org.springframework.amqp.rabbit.retry.RejectAndDontRequeueRecoverer;
import org.springframework.amqp.rabbit.retry.RepublishMessageRecoverer;

/** What happens to messages that wait too long or are given up: time to live, retries, dead letters. */
final class Expiry {
    private static final MessageListener FAILING = message -> {
        throw new IllegalStateException("cannot be done");
    };

    private Expiry() {}

    static void messageTtl(Stage stage) throws Exception {
        String dead = stage.queue();
        String queue = stage.queue(deadLettersTo(stage.durable(), dead));
        stage.send("", queue, Stage.message("late").setExpiration("200").build());
        Message got = stage.arrival(dead);
        Check.equal("expired", death(got).get("reason"), "reason");
        Check.equal(null, got.getMessageProperties().getExpiration(), "expiration property");
    }

    static void queueTtl(Stage stage) throws Exception {
        String queue = stage.queue(stage.durable().ttl(200));
        stage.fill(queue, "a", "b");
        stage.holds(queue, 0);
        Check.equal(null, stage.take(queue), "what is left");
    }

    static void queueExpires(Stage stage) throws Exception {
        String queue = stage.queue(stage.durable().expires(300));
        // Asked less often than it expires: a passive declare counts as use.
        Thread.sleep(1_000);
        Check.equal(404, Queues.refusal(() -> Queues.passive(stage.template, queue)), "reply code");
    }

    /** Both ways of Spring to give up after retries: the broker's dead-lettering, and publishing it elsewhere. */
    static void deadLetter(Stage stage) throws Exception {
        FanoutExchange exchange = stage.exchange(new FanoutExchange(stage.name()));
        String dead = stage.queue();
        stage.admin.declareBinding(BindingBuilder.bind(new Queue(dead)).to(exchange));
        String queue = stage.queue(stage.durable().deadLetterExchange(exchange.getName()));
        retrying(stage, queue, new RejectAndDontRequeueRecoverer());
        stage.fill(queue, "bad");
        Map<String, ?> death = death(stage.arrival(dead));
        Check.equal(1L, death.get("count"), "count");
        Check.equal("rejected", death.get("reason"), "reason");
        Check.equal(queue, death.get("queue"), "queue");
        Check.equal("", death.get("exchange"), "exchange");
        Check.equal(List.of(queue), death.get("routing-keys"), "routing keys");

        String other = stage.queue();
        retrying(stage, other, new RepublishMessageRecoverer(stage.template, exchange.getName(), "parked"));
        stage.fill(other, "bad too");
        Message parked = stage.arrival(dead);
        Check.equal("bad too", Stage.text(parked), "what is published elsewhere");
        Check.equal("cannot be done", parked.getMessageProperties().getHeader("x-exception-message"), "why");
        stage.holds(other, 0);
    }

    private static void retrying(Stage stage, String queue, MessageRecoverer recoverer) {
        var retries = RetryInterceptorBuilder.stateless().maxAttempts(3).backOffOptions(1, 1, 1);
        stage.container(queue, FAILING, container -> container.setAdviceChain(retries.recoverer(recoverer).build()));
    }

    static void retryLoop(Stage stage) throws Exception {
        String work = stage.name();
        String waiting = stage.queue(deadLettersTo(stage.durable(), work).ttl(50));
        stage.queue(deadLettersTo(QueueBuilder.durable(work), waiting));
        var inbox = new Inbox();
        stage.container(work, inbox, AcknowledgeMode.MANUAL);
        stage.fill(work, "stubborn");
        for (int round = 0; round < 3; round++) {
            inbox.next().reject(false);
        }
        Inbox.Received last = inbox.next();
        last.ack(false);
        List<Map<String, ?>> deaths = last.message().getMessageProperties().getXDeathHeader();
        Check.equal(2, deaths.size(), "entries in x-death");
        for (Map<String, ?> death : deaths) {
            Check.equal(3L, death.get("count"), "count of " + death.get("reason"));
        }
    }

    static void deliveryLimit(Stage stage) throws Exception {
        String dead = stage.queue();
        String queue = stage.queue(deadLettersTo(stage.durable().quorum().deliveryLimit(2), dead));
        var inbox = new Inbox();
        stage.container(queue, inbox, AcknowledgeMode.MANUAL);
        stage.fill(queue, "poison");
        for (int delivery = 1; delivery <= 3; delivery++) {
            inbox.next().reject(true);
        }
        Check.equal("delivery_limit", death(stage.arrival(dead)).get("reason"), "reason");
        Check.that(inbox.isEmpty(), "no fourth delivery");
    }

    private static QueueBuilder deadLettersTo(QueueBuilder builder, String queue) {
        return builder.deadLetterExchange("").deadLetterRoutingKey(queue);
    }

    private static Map<String, ?> death(Message message) {
        return message.getMessageProperties().getXDeathHeader().get(0);
    }
}
