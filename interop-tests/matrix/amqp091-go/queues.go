package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func exclusive(s *scene) {
	owner, other := s.connect(), s.connect()
	name := s.name()
	_, err := s.channelOn(owner).QueueDeclare(name, false, false, true, false, nil)
	s.check(err)
	_, err = s.channelOn(other).QueueDeclarePassive(name, false, false, true, false, nil)
	s.refusedWith(amqp.ResourceLocked, err)
	s.check(owner.Close())
	_, err = s.channelOn(other).QueueDeclarePassive(name, false, false, true, false, nil)
	s.refusedWith(amqp.NotFound, err)
}

func passiveMissing(s *scene) {
	conn := s.connect()
	ch := s.channelOn(conn)
	_, err := ch.QueueDeclarePassive(s.name(), true, false, false, false, nil)
	s.refusedWith(amqp.NotFound, err)
	s.that(ch.IsClosed(), "the channel is still open")
	s.that(!conn.IsClosed(), "the connection was closed too")
	s.queue(s.channelOn(conn), nil)
}

func inequivalent(s *scene) {
	ch := s.channel()
	name := s.queue(ch, nil)
	_, err := ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-max-length": int32(5)})
	s.refusedWith(amqp.PreconditionFailed, err)
	s.that(strings.Contains(err.Error(), "inequivalent arg"), "%v", err)
}

func rejectPublish(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"})
	s.send(ch, queue, "fits")
	confirm, err := ch.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{})
	s.check(err)
	acked, err := confirm.WaitContext(s.ctx)
	s.check(err)
	s.that(!acked, "a full queue took another message")
	s.holds(ch, queue, 1)
}

func maxLength(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, amqp.Table{"x-max-length": int32(2)})
	s.send(ch, queue, "1", "2", "3", "4")
	s.holds(ch, queue, 2)
	equal(s, "first", string(s.get(ch, queue).Body), "3")
	equal(s, "second", string(s.get(ch, queue).Body), "4")
}

// deadLetters makes a queue that sends its dead letters to a second one, by the default exchange.
func (s *scene) deadLetters(ch *amqp.Channel, args amqp.Table) (queue, letters string) {
	letters = s.queue(ch, nil)
	args["x-dead-letter-exchange"] = ""
	args["x-dead-letter-routing-key"] = letters
	return s.queue(ch, args), letters
}

// death is the first entry of a message's x-death.
func (s *scene) death(message amqp.Delivery) amqp.Table {
	deaths, _ := message.Headers["x-death"].([]any)
	s.that(len(deaths) > 0, "no x-death in %v", message.Headers)
	death, _ := deaths[0].(amqp.Table)
	return death
}

func messageTTL(s *scene) {
	ch := s.channel()
	queue, letters := s.deadLetters(ch, amqp.Table{})
	deliveries := s.consume(ch, letters, nil)
	s.publish(ch, "", queue, amqp.Publishing{Expiration: "200", Body: []byte("late")})
	letter := s.next(deliveries, "late")
	equal(s, "expiration", letter.Expiration, "")
	equal(s, "reason", s.death(letter)["reason"], any("expired"))
	equal(s, "original expiration", s.death(letter)["original-expiration"], any("200"))
}

func queueTTL(s *scene) {
	ch := s.channel()
	queue, letters := s.deadLetters(ch, amqp.Table{"x-message-ttl": int32(200)})
	deliveries := s.consume(ch, letters, nil)
	started := time.Now()
	s.send(ch, queue, "1", "2")
	s.next(deliveries, "1")
	s.next(deliveries, "2")
	// Brokers count whole milliseconds.
	s.that(time.Since(started) >= 199*time.Millisecond, "gone after %v", time.Since(started))
	s.holds(ch, queue, 0)
}

func queueExpires(s *scene) {
	conn := s.connect()
	queue := s.queue(s.channelOn(conn), amqp.Table{"x-expires": int32(300)})
	for {
		// Asking for it uses it, so the pause is longer than its life.
		<-time.After(time.Second)
		_, err := s.channelOn(conn).QueueDeclarePassive(queue, true, false, false, false, nil)
		if err != nil {
			s.refusedWith(amqp.NotFound, err)
			return
		}
	}
}

func deadLetter(s *scene) {
	ch := s.channel()
	exchange, letters := s.exchange(ch, amqp.ExchangeFanout, nil), s.queue(ch, nil)
	s.bind(ch, letters, "", exchange, nil)
	queue := s.queue(ch, amqp.Table{"x-dead-letter-exchange": exchange})
	s.send(ch, queue, "bad")
	s.check(s.next(s.consume(ch, queue, nil), "bad").Reject(false))
	letter := s.next(s.consume(ch, letters, nil), "bad")
	death := s.death(letter)
	s.that(reflect.DeepEqual(death["routing-keys"], []any{queue}), "routing keys: %v", death["routing-keys"])
	delete(death, "routing-keys")
	_, dated := death["time"].(time.Time)
	s.that(dated, "time: %v", death["time"])
	delete(death, "time")
	want := amqp.Table{"count": int64(1), "reason": "rejected", "queue": queue, "exchange": ""}
	s.that(reflect.DeepEqual(death, want), "x-death: %v instead of %v", death, want)
}

func retryLoop(s *scene) {
	ch := s.channel()
	work, waiting := s.name(), s.name()
	for queue, args := range map[string]amqp.Table{
		work:    {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": waiting},
		waiting: {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": work, "x-message-ttl": int32(50)},
	} {
		s.queues = append(s.queues, queue)
		_, err := ch.QueueDeclare(queue, true, false, false, false, args)
		s.check(err)
	}
	s.send(ch, work, "job")
	deliveries := s.consume(ch, work, nil)
	for range 3 {
		s.check(s.next(deliveries, "job").Reject(false))
	}
	deaths, _ := s.next(deliveries, "job").Headers["x-death"].([]any)
	for _, entry := range deaths {
		if death, _ := entry.(amqp.Table); death["queue"] == work {
			equal(s, "count", death["count"], any(int64(3)))
			equal(s, "reason", death["reason"], any("rejected"))
			return
		}
	}
	s.fail("no entry for the work queue in x-death: %v", deaths)
}

func priority(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, amqp.Table{"x-max-priority": int32(5)})
	for number, level := range []uint8{1, 5, 3, 5, 1} {
		s.publish(ch, "", queue, amqp.Publishing{Priority: level, Body: []byte(fmt.Sprint(level, "-", number))})
	}
	for _, want := range []string{"5-1", "5-3", "3-2", "1-0", "1-4"} {
		equal(s, "body", string(s.get(ch, queue).Body), want)
	}
}

func deliveryLimit(s *scene) {
	ch := s.channel()
	queue, letters := s.deadLetters(ch, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(2)})
	s.send(ch, queue, "poison")
	deliveries := s.consume(ch, queue, nil)
	for range 3 {
		s.check(s.next(deliveries, "poison").Reject(true))
	}
	letter := s.next(s.consume(ch, letters, nil), "poison")
	equal(s, "reason", s.death(letter)["reason"], any("delivery_limit"))
	nothing(s, "a fourth delivery", deliveries)
}
