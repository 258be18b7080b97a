package main

import (
	"bytes"
	"reflect"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func publishGet(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	s.send(ch, queue, "hello")
	message := s.get(ch, queue)
	equal(s, "body", string(message.Body), "hello")
	equal(s, "routing key", message.RoutingKey, queue)
	_, found, err := ch.Get(queue, true)
	s.check(err)
	s.that(!found, "the queue is not empty")
}

func properties(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	when := time.Unix(1_700_000_000, 0)
	headers := amqp.Table{
		"text": "ärger", "yes": true, "no": false, "nothing": nil, "bytes": []byte{0, 1, 255}, "when": when,
		"int8": int8(-8), "int16": int16(-16), "int32": int32(-32), "int64": int64(-64),
		"float32": float32(0.5), "float64": 0.25, "decimal": amqp.Decimal{Scale: 2, Value: 314},
		"list":  []any{int32(1), "two", amqp.Table{"three": int64(3)}, []any{true}},
		"table": amqp.Table{"inner": amqp.Table{"deep": "down", "when": when}},
	}
	s.publish(ch, "", queue, amqp.Publishing{
		Headers: headers, ContentType: "text/plain", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent,
		Priority: 7, CorrelationId: "c", ReplyTo: "r", Expiration: "60000", MessageId: "m", Timestamp: when,
		Type: "t", UserId: "guest", AppId: "a", Body: []byte("x"),
	})
	got := s.get(ch, queue)
	s.that(reflect.DeepEqual(got.Headers, headers), "headers: %v instead of %v", got.Headers, headers)
	s.that(got.Timestamp.Equal(when), "timestamp: %v", got.Timestamp)
	equal(s, "numbers", [2]uint8{got.DeliveryMode, got.Priority}, [2]uint8{amqp.Persistent, 7})
	texts := []string{got.ContentType, got.ContentEncoding, got.CorrelationId, got.ReplyTo, got.Expiration,
		got.MessageId, got.Type, got.UserId, got.AppId}
	equal(s, "texts", strings.Join(texts, " "), "text/plain utf-8 c r 60000 m t guest a")
}

// intact wants this body back as it was sent.
func (s *scene) intact(body []byte) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	s.publish(ch, "", queue, amqp.Publishing{Body: body})
	got := s.get(ch, queue).Body
	s.that(bytes.Equal(got, body), "a body of %d bytes came back otherwise, with %d", len(body), len(got))
}

func emptyBody(s *scene) {
	s.intact(nil)
}

func largeMessage(s *scene) {
	body := make([]byte, 8<<20)
	for at := range body {
		body[at] = byte(at * 31 >> 7)
	}
	s.intact(body)
}

func binaryBody(s *scene) {
	body := make([]byte, 256)
	for at := range body {
		body[at] = byte(at)
	}
	s.intact(body)
}

func confirms(s *scene) {
	ch := s.channel()
	queue := s.queue(ch, nil)
	var outstanding []*amqp.DeferredConfirmation
	for range 1000 {
		confirm, err := ch.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{})
		s.check(err)
		outstanding = append(outstanding, confirm)
	}
	for _, confirm := range outstanding {
		acked, err := confirm.WaitContext(s.ctx)
		s.check(err)
		s.that(acked, "publish %d was refused", confirm.DeliveryTag)
	}
	s.holds(ch, queue, 1000)
}

func mandatory(s *scene) {
	ch := s.channel()
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	s.publish(ch, "", s.name(), amqp.Publishing{Body: []byte("nowhere")})
	select {
	case returned := <-returns:
		equal(s, "reply code", returned.ReplyCode, amqp.NoRoute)
		equal(s, "body", string(returned.Body), "nowhere")
	default:
		s.fail("it was confirmed before it was returned")
	}
}

func transactions(s *scene) {
	keeper := s.channel()
	queue := s.queue(keeper, nil)
	ch, err := s.connect().Channel()
	s.check(err)
	s.check(ch.Tx())
	publish := func() { s.check(ch.Publish("", queue, false, false, amqp.Publishing{})) }
	publish()
	publish()
	// Asking on the same channel makes sure that the broker has read the publishes.
	s.holds(ch, queue, 0)
	s.check(ch.TxCommit())
	s.holds(keeper, queue, 2)
	publish()
	s.check(ch.TxRollback())
	s.check(ch.TxCommit())
	s.holds(keeper, queue, 2)
}

func directReply(s *scene) {
	server, caller := s.channel(), s.channel()
	queue := s.queue(server, nil)
	requests := s.consume(server, queue, nil)
	replies, err := caller.Consume("amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	s.check(err)
	s.publish(caller, "", queue, amqp.Publishing{
		ReplyTo: "amq.rabbitmq.reply-to", CorrelationId: "42", Body: []byte("question"),
	})
	request := s.next(requests, "question")
	s.publish(server, "", request.ReplyTo, amqp.Publishing{
		CorrelationId: request.CorrelationId, Body: []byte("answer"),
	})
	equal(s, "correlation id", s.next(replies, "answer").CorrelationId, "42")
}
