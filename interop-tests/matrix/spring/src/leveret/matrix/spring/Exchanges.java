package leveret.matrix.spring;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import leveret.matrix.harness.Check;
import org.springframework.amqp.core.Binding;
import org.springframework.amqp.core.BindingBuilder;
import org.springframework.amqp.core.ConsistentHashExchange;
import org.springframework.amqp.core.DirectExchange;
import org.springframework.amqp.core.ExchangeBuilder;
import org.springframework.amqp.core.FanoutExchange;
import org.springframework.amqp.core.HeadersExchange;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.TopicExchange;

/** Where exchanges send what they get. */
final class Exchanges {
    private Exchanges() {}

    static void topic(Stage stage) throws Exception {
        TopicExchange exchange = stage.exchange(new TopicExchange(stage.name()));
        var patterns = Map.of("*.orange.*", 1L, "lazy.#", 3L, "#", 4L, "quick.*", 0L);
        var queues = new HashMap<String, String>();
        for (String pattern : patterns.keySet()) {
            queues.put(pattern, stage.queue());
            stage.admin.declareBinding(BindingBuilder.bind(new Queue(queues.get(pattern))).to(exchange).with(pattern));
        }
        for (String key : List.of("quick.orange.fox", "lazy", "lazy.dog", "lazy.brown.old.dog")) {
            stage.send(exchange.getName(), key, key);
        }
        patterns.forEach((pattern, matches) ->
                Check.equal(matches, stage.count(queues.get(pattern)), "matches of " + pattern));
    }

    static void headers(Stage stage) throws Exception {
        HeadersExchange exchange = stage.exchange(new HeadersExchange(stage.name()));
        String all = stage.queue();
        String any = stage.queue();
        Map<String, Object> wanted = Map.of("kind", "order", "size", 3);
        stage.admin.declareBinding(BindingBuilder.bind(new Queue(all)).to(exchange).whereAll(wanted).match());
        stage.admin.declareBinding(BindingBuilder.bind(new Queue(any)).to(exchange).whereAny(wanted).match());
        List<Map<String, Object>> messages = List.of(wanted, Map.of("kind", "order"), Map.of("size", 4));
        for (Map<String, Object> headers : messages) {
            stage.send(exchange.getName(), "", Stage.message("x").copyHeaders(headers).build());
        }
        Check.equal(1L, stage.count(all), "matches of all");
        Check.equal(2L, stage.count(any), "matches of any");
    }

    static void exchangeToExchange(Stage stage) throws Exception {
        TopicExchange first = stage.exchange(new TopicExchange(stage.name()));
        FanoutExchange second = stage.exchange(new FanoutExchange(stage.name()));
        String queue = stage.queue();
        Binding between = BindingBuilder.bind(second).to(first).with("in.*");
        stage.admin.declareBinding(between);
        stage.admin.declareBinding(BindingBuilder.bind(new Queue(queue)).to(second));
        stage.send(first.getName(), "in.here", "through");
        stage.send(first.getName(), "out", "not through");
        Check.equal("through", stage.take(queue), "what arrives");
        Check.equal(null, stage.take(queue), "what else");
        stage.admin.removeBinding(between);
        stage.send(first.getName(), "in.here", "too late");
        Check.equal(null, stage.take(queue), "what arrives without the binding");
    }

    static void alternate(Stage stage) throws Exception {
        FanoutExchange other = stage.exchange(new FanoutExchange(stage.name()));
        DirectExchange exchange = ExchangeBuilder.directExchange(stage.name()).alternate(other.getName()).build();
        String queue = stage.queue();
        stage.exchange(exchange);
        stage.admin.declareBinding(BindingBuilder.bind(new Queue(queue)).to(other));
        stage.send(exchange.getName(), "nowhere", "lost and found");
        Check.equal("lost and found", stage.take(queue), "what arrives");
    }

    static void consistentHash(Stage stage) throws Exception {
        ConsistentHashExchange exchange = stage.exchange(new ConsistentHashExchange(stage.name()));
        String one = stage.queue();
        String two = stage.queue();
        for (String queue : List.of(one, two)) {
            stage.admin.declareBinding(BindingBuilder.bind(new Queue(queue)).to(exchange).with("1").noargs());
        }
        for (int message = 0; message < 2000; message++) {
            stage.template.convertAndSend(exchange.getName(), "key " + message % 1000, "x");
        }
        Check.eventually(() -> stage.count(one) + stage.count(two) == 2000, "all messages");
        long first = stage.count(one);
        Check.that(first >= 400 && first <= 1600, "spread is " + first + " of 2000");
        var keys = new HashMap<String, Integer>();
        for (long i = 0; i < first; i++) {
            keys.merge(stage.template.receive(one).getMessageProperties().getReceivedRoutingKey(), 1, Integer::sum);
        }
        Check.that(keys.values().stream().allMatch(times -> times == 2), "a key goes to one queue only");
    }

    static void delayed(Stage stage) throws Exception {
        DirectExchange exchange = ExchangeBuilder.directExchange(stage.name()).delayed().build();
        stage.exchange(exchange);
        String queue = stage.queue();
        stage.admin.declareBinding(BindingBuilder.bind(new Queue(queue)).to(exchange).with("later"));
        var message = Stage.message("patience").build();
        message.getMessageProperties().setDelayLong(300L);
        long sent = System.nanoTime();
        stage.send(exchange.getName(), "later", message);
        Check.equal("patience", Stage.text(stage.arrival(queue)), "what arrives");
        long millis = (System.nanoTime() - sent) / 1_000_000;
        Check.that(millis >= 300, "arrived after " + millis + " ms");
    }
}
