package main

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

func consumeAck(s *scene) {
	conn := s.connect()
	ch := s.channelOn(conn)
	queue := s.queue(ch, nil)
	s.send(ch, queue, "1", "2", "3")
	deliveries := s.consume(ch, queue, nil)
	for _, body := range []string{"1", "2", "3"} {
		s.check(s.next(deliveries, body).Ack(false))
	}
	s.check(conn.Close())
	s.holds(s.channel(), queue, 0)
}

func consumeAutoAck(s *scene) {
	conn := s.connect()
	ch := s.channelOn(conn)
	queue := s.queue(ch, nil)
	s.send(ch, queue, "1", "2", "3")
	deliveries, err := ch.Consume(queue, "", true, false, false, false, nil)
	s.check(err)
	for _, body := range []string{"1", "2", "3"} {
		s.next(deliveries, body)
	}
	s.check(conn.Close())
	s.holds(s.channel(), queue, 0)
}

func redelivered(s *scene) {
	keeper := s.channel()
	queue := s.queue(keeper, nil)
	s.send(keeper, queue, "1", "2", "3")
	ends := []func(*amqp.Connection, *amqp.Channel) error{
		func(_ *amqp.Connection, ch *amqp.Channel) error { return ch.Close() },
		func(conn *amqp.Connection, _ *amqp.Channel) error { return conn.Close() },
	}
	for round, end := range ends {
		conn := s.connect()
		ch := s.channelOn(conn)
		deliveries := s.consume(ch, queue, nil)
		for _, body := range []string{"1", "2", "3"} {
			equal(s, "redelivered", s.next(deliveries, body).Redelivered, round > 0)
		}
		s.check(end(conn, ch))
	}
	deliveries := s.consume(keeper, queue, nil)
	for _, body := range []string{"1", "2", "3"} {
		s.that(s.next(deliveries, body).Redelivered, "%s is not marked as redelivered", body)
	}
}

func nackRequeue(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	s.send(ch, queue, "1")
	deliveries := s.consume(ch, queue, nil)
	s.check(s.next(deliveries, "1").Nack(false, true))
	again := s.next(deliveries, "1")
	s.that(again.Redelivered, "it is not marked as redelivered")
	s.check(again.Reject(false))
	// What is held would come back, what was dropped does not.
	s.check(ch.Close())
	s.holds(s.channel(), queue, 0)
}

func multipleAck(s *scene) {
	conn := s.connect()
	ch := s.channelOn(conn)
	queue := s.queue(ch, nil)
	s.send(ch, queue, "1", "2", "3", "4")
	deliveries := s.consume(ch, queue, nil)
	s.next(deliveries, "1")
	s.next(deliveries, "2")
	s.check(s.next(deliveries, "3").Ack(true))
	s.next(deliveries, "4")
	s.check(conn.Close())
	keeper := s.channel()
	s.holds(keeper, queue, 1)
	equal(s, "what is left", string(s.get(keeper, queue).Body), "4")
}

func prefetch(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	s.send(ch, queue, "1", "2", "3", "4", "5")
	s.check(ch.Qos(3, 0, false))
	deliveries := s.consume(ch, queue, nil)
	first := s.next(deliveries, "1")
	s.next(deliveries, "2")
	s.next(deliveries, "3")
	s.holds(ch, queue, 2)
	nothing(s, "a fourth delivery", deliveries)
	s.check(first.Ack(false))
	s.next(deliveries, "4")
	s.holds(ch, queue, 1)
	nothing(s, "a fifth delivery", deliveries)
}

func consumerCancel(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	deliveries, err := ch.Consume(queue, "tag", false, false, false, false, nil)
	s.check(err)
	s.send(ch, queue, "1")
	s.check(s.next(deliveries, "1").Ack(false))
	s.check(ch.Cancel("tag", false))
	s.send(ch, queue, "2", "3")
	s.holds(ch, queue, 2)
	for late := range deliveries { // the library closes it at the cancel
		s.fail("%s came after the cancel", late.Body)
	}
}

func cancelNotify(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	cancelled := ch.NotifyCancel(make(chan string, 1))
	_, err := ch.Consume(queue, "tag", false, false, false, false, nil)
	s.check(err)
	_, err = s.channel().QueueDelete(queue, false, false, false)
	s.check(err)
	equal(s, "cancelled consumer", await(s, "basic.cancel", cancelled), "tag")
}

func singleActive(s *scene) {
	conn := s.connect()
	ch, other := s.channelOn(conn), s.channelOn(conn)
	queue := s.queue(ch, amqp.Table{"x-single-active-consumer": true})
	first, err := ch.Consume(queue, "first", false, false, false, false, nil)
	s.check(err)
	second := s.consume(other, queue, nil)
	s.send(ch, queue, "1", "2")
	s.check(s.next(first, "1").Ack(false))
	s.check(s.next(first, "2").Ack(false))
	s.holds(other, queue, 0)
	nothing(s, "a delivery to the second", second)
	s.check(ch.Cancel("first", false))
	s.send(ch, queue, "3")
	s.next(second, "3")
}

func consumerPriority(s *scene) {
	conn := s.connect()
	ch, other := s.channelOn(conn), s.channelOn(conn)
	queue := s.queue(ch, nil)
	s.check(ch.Qos(5, 0, false))
	low := s.consume(other, queue, nil)
	high := s.consume(ch, queue, amqp.Table{"x-priority": int32(10)})
	for number := range 5 {
		s.send(ch, queue, fmt.Sprint(number))
		s.next(high, fmt.Sprint(number))
	}
	s.holds(other, queue, 0)
	nothing(s, "a delivery to the other", low)
	s.send(ch, queue, "no credit")
	s.next(low, "no credit")
}
