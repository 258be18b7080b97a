package main

import (
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// routes publishes with this key and these headers, and wants it in so many copies in the queue.
func (s *scene) routes(ch *amqp.Channel, exchange, key string, headers amqp.Table, queue string, copies int) {
	s.publish(ch, exchange, key, amqp.Publishing{Headers: headers})
	arrived, err := ch.QueuePurge(queue, false)
	s.check(err)
	s.that(arrived == copies, "%q %v: %d copies instead of %d", key, headers, arrived, copies)
}

func topic(s *scene) {
	ch := s.channel()
	exchange := s.exchange(ch, amqp.ExchangeTopic, nil)
	cases := []struct {
		pattern      string
		right, wrong []string
	}{
		{"a.*.c", []string{"a.b.c", "a..c"}, []string{"a.c", "a.b.b.c", "b.b.c"}},
		{"a.#", []string{"a", "a.b", "a.b.c"}, []string{"b.a", "ab"}},
		{"#.z", []string{"z", "a.z", "a.b.z"}, []string{"z.a"}},
		{"#", []string{"", "a", "a.b"}, nil},
		{"*", []string{"a"}, []string{"a.b"}},
	}
	for _, c := range cases {
		queue := s.queue(ch, nil)
		s.bind(ch, queue, c.pattern, exchange, nil)
		for _, key := range c.right {
			s.routes(ch, exchange, key, nil, queue, 1)
		}
		for _, key := range c.wrong {
			s.routes(ch, exchange, key, nil, queue, 0)
		}
	}
}

func headersExchange(s *scene) {
	ch := s.channel()
	exchange, all, some := s.exchange(ch, amqp.ExchangeHeaders, nil), s.queue(ch, nil), s.queue(ch, nil)
	s.bind(ch, all, "", exchange, amqp.Table{"x-match": "all", "kind": "report", "pages": int32(3)})
	s.bind(ch, some, "", exchange, amqp.Table{"x-match": "any", "kind": "report", "pages": int32(3)})
	for _, c := range []struct {
		headers      amqp.Table
		inAll, inAny int
	}{
		{amqp.Table{"kind": "report", "pages": int32(3), "more": true}, 1, 1},
		{amqp.Table{"kind": "report"}, 0, 1},
		{amqp.Table{"kind": "letter", "pages": int32(3)}, 0, 1},
		{amqp.Table{"kind": "letter"}, 0, 0},
		{nil, 0, 0},
	} {
		s.routes(ch, exchange, "", c.headers, all, c.inAll)
		inAny, err := ch.QueuePurge(some, false)
		s.check(err)
		s.that(inAny == c.inAny, "any of %v: %d copies instead of %d", c.headers, inAny, c.inAny)
	}
}

func exchangeToExchange(s *scene) {
	ch := s.channel()
	source, target := s.exchange(ch, amqp.ExchangeTopic, nil), s.exchange(ch, amqp.ExchangeFanout, nil)
	queue := s.queue(ch, nil)
	s.check(ch.ExchangeBind(target, "news.#", source, false, nil))
	s.bind(ch, queue, "", target, nil)
	s.routes(ch, source, "news.today", nil, queue, 1)
	s.routes(ch, source, "weather", nil, queue, 0)
	s.check(ch.ExchangeUnbind(target, "news.#", source, false, nil))
	s.routes(ch, source, "news.today", nil, queue, 0)
}

func alternate(s *scene) {
	ch := s.channel()
	fallback, queue, main := s.exchange(ch, amqp.ExchangeFanout, nil), s.queue(ch, nil), s.queue(ch, nil)
	exchange := s.exchange(ch, amqp.ExchangeDirect, amqp.Table{"alternate-exchange": fallback})
	s.bind(ch, queue, "", fallback, nil)
	s.bind(ch, main, "known", exchange, nil)
	s.routes(ch, exchange, "unknown", nil, queue, 1)
	s.routes(ch, exchange, "known", nil, queue, 0)
}

func consistentHash(s *scene) {
	ch := s.channel()
	exchange, one, two := s.exchange(ch, "x-consistent-hash", nil), s.queue(ch, nil), s.queue(ch, nil)
	s.bind(ch, one, "1", exchange, nil)
	s.bind(ch, two, "1", exchange, nil)
	purge := func() (inOne, inTwo int) {
		inOne, err := ch.QueuePurge(one, false)
		s.check(err)
		inTwo, err = ch.QueuePurge(two, false)
		s.check(err)
		return inOne, inTwo
	}
	for number := range 1000 {
		s.publish(ch, exchange, fmt.Sprint("key-", number), amqp.Publishing{})
	}
	inOne, inTwo := purge()
	s.that(inOne+inTwo == 1000 && inOne >= 200 && inTwo >= 200, "1000 keys: %d and %d", inOne, inTwo)
	for range 50 {
		s.publish(ch, exchange, "the same", amqp.Publishing{})
	}
	inOne, inTwo = purge()
	s.that(max(inOne, inTwo) == 50 && min(inOne, inTwo) == 0, "one key: %d and %d", inOne, inTwo)
}

func delayed(s *scene) {
	ch := s.channel()
	exchange := s.exchange(ch, "x-delayed-message", amqp.Table{"x-delayed-type": "direct"})
	queue := s.queue(ch, nil)
	s.bind(ch, queue, "key", exchange, nil)
	deliveries := s.consume(ch, queue, nil)
	started := time.Now()
	// Not mandatory: the plugin returns whatever it delays.
	message := amqp.Publishing{Headers: amqp.Table{"x-delay": int32(300)}, Body: []byte("later")}
	s.check(ch.Publish(exchange, "key", false, false, message))
	s.next(deliveries, "later")
	// Brokers count whole milliseconds.
	s.that(time.Since(started) >= 299*time.Millisecond, "delivered after %v", time.Since(started))
}
