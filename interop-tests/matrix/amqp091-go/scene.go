package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	client = "amqp091-go"
	limit  = 20 * time.Second // of a whole behaviour
	soon   = 10 * time.Second // of one event that must come
)

type behaviour struct {
	id    string
	prove func(*scene)
}

// A scene is what one behaviour plays in: its connections, the names it made, and how it ended.
// As in a Go test, the first failure ends the behaviour's goroutine.
type scene struct {
	id   string
	ctx  context.Context
	done chan struct{}

	mu        sync.Mutex // guards what cleanUp reads after a behaviour that hangs
	conns     []*amqp.Connection
	queues    []string
	exchanges []string

	outcome string
	reason  string
}

func run(behaviours []behaviour) {
	only := os.Getenv("INTEROP_ONLY")
	for _, b := range behaviours {
		if only != "" && !slices.Contains(strings.Split(only, ","), b.id) {
			continue
		}
		outcome, reason := play(b)
		reason = strings.Join(strings.Fields(reason), " ")
		report(fmt.Sprintf("%s\t%s\t%s\t%s\n", client, b.id, outcome, reason))
	}
}

func report(line string) {
	file := os.Getenv("INTEROP_RESULTS")
	if file == "" {
		fmt.Print(line)
		return
	}
	results, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = results.WriteString(line)
		err = errors.Join(err, results.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(b behaviour) (outcome, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	s := &scene{id: b.id, ctx: ctx, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer func() {
			if p := recover(); p != nil {
				s.outcome, s.reason = "failed", fmt.Sprint("panic: ", p)
			}
		}()
		b.prove(s)
		if s.outcome == "" {
			s.outcome = "passed"
		}
	}()
	select {
	case <-s.done:
		outcome, reason = s.outcome, s.reason
	case <-ctx.Done():
		outcome, reason = "failed", fmt.Sprintf("hung for %v", limit)
	}
	s.cleanUp()
	return outcome, reason
}

func (s *scene) fail(format string, args ...any) {
	s.outcome, s.reason = "failed", fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (s *scene) check(err error) {
	if err != nil {
		s.fail("%v", err)
	}
}

func (s *scene) that(truth bool, format string, args ...any) {
	if !truth {
		s.fail(format, args...)
	}
}

func equal[T comparable](s *scene, what string, got, want T) {
	s.that(got == want, "%s: %v instead of %v", what, got, want)
}

// refusedWith wants the broker's own error with this code.
func (s *scene) refusedWith(code int, err error) {
	var refusal *amqp.Error
	s.that(errors.As(err, &refusal), "%v instead of a refusal with %d", err, code)
	s.that(refusal.Code == code && refusal.Server, "%v instead of %d from the broker", err, code)
}

// await takes the next value; it must come.
func await[T any](s *scene, what string, values <-chan T) T {
	select {
	case value, open := <-values:
		s.that(open, "%s: its channel was closed", what)
		return value
	case <-time.After(soon):
		s.fail("%s: nothing came in %v", what, soon)
	}
	panic("unreachable")
}

// nothing wants that no value has come. Ask the broker something on the same channel first.
func nothing[T any](s *scene, what string, values <-chan T) {
	select {
	case value := <-values:
		s.fail("%s: %v, and there should be none", what, value)
	default:
	}
}

// cleanUp deletes on a connection of its own; the behaviour's may be closed, or hang.
func (s *scene) cleanUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.CloseDeadline(time.Now().Add(time.Second)) // it may be closed already
	}
	if len(s.queues)+len(s.exchanges) == 0 {
		return
	}
	conn, err := amqp.Dial(os.Getenv("INTEROP_URL"))
	if err != nil {
		fmt.Fprintln(os.Stderr, s.id, "left its names behind:", err)
		return
	}
	defer conn.Close()
	for _, name := range s.queues {
		deleting(conn, name, func(ch *amqp.Channel) error { _, err := ch.QueueDelete(name, false, false, false); return err })
	}
	for _, name := range s.exchanges {
		deleting(conn, name, func(ch *amqp.Channel) error { return ch.ExchangeDelete(name, false, false) })
	}
}

func deleting(conn *amqp.Connection, name string, remove func(*amqp.Channel) error) {
	ch, err := conn.Channel()
	if err == nil {
		defer ch.Close()
		err = remove(ch)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, name, "was left behind:", err)
	}
}

func (s *scene) connectTo(url string, config amqp.Config) *amqp.Connection {
	conn, err := amqp.DialConfig(url, config)
	s.check(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, conn)
	return conn
}

func (s *scene) connect() *amqp.Connection {
	return s.connectTo(os.Getenv("INTEROP_URL"), amqp.Config{})
}

// channelOn opens a channel that confirms, so that what was published is known to be in its queues.
func (s *scene) channelOn(conn *amqp.Connection) *amqp.Channel {
	ch, err := conn.Channel()
	s.check(err)
	s.check(ch.Confirm(false))
	return ch
}

func (s *scene) channel() *amqp.Channel {
	return s.channelOn(s.connect())
}

func (s *scene) name() string {
	return fmt.Sprintf("matrix.%s.%s.%s", client, s.id, rand.Text()[:8])
}

// queue declares a durable queue with these arguments.
func (s *scene) queue(ch *amqp.Channel, args amqp.Table) string {
	name := s.name()
	_, err := ch.QueueDeclare(name, true, false, false, false, args)
	s.check(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues = append(s.queues, name)
	return name
}

func (s *scene) exchange(ch *amqp.Channel, kind string, args amqp.Table) string {
	name := s.name()
	s.check(ch.ExchangeDeclare(name, kind, true, false, false, false, args))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exchanges = append(s.exchanges, name)
	return name
}

func (s *scene) bind(ch *amqp.Channel, queue, key, exchange string, args amqp.Table) {
	s.check(ch.QueueBind(queue, key, exchange, false, args))
}

// publish returns when the broker has confirmed it.
func (s *scene) publish(ch *amqp.Channel, exchange, key string, message amqp.Publishing) {
	confirm, err := ch.PublishWithDeferredConfirm(exchange, key, true, false, message)
	s.check(err)
	acked, err := confirm.WaitContext(s.ctx)
	s.check(err)
	s.that(acked, "a publish to %q was refused", key)
}

func (s *scene) send(ch *amqp.Channel, queue string, bodies ...string) {
	for _, body := range bodies {
		s.publish(ch, "", queue, amqp.Publishing{Body: []byte(body)})
	}
}

func (s *scene) get(ch *amqp.Channel, queue string) amqp.Delivery {
	message, found, err := ch.Get(queue, true)
	s.check(err)
	s.that(found, "%s is empty", queue)
	return message
}

// consume acknowledges by hand, unless it is told otherwise with autoAck.
func (s *scene) consume(ch *amqp.Channel, queue string, args amqp.Table) <-chan amqp.Delivery {
	deliveries, err := ch.Consume(queue, "", false, false, false, false, args)
	s.check(err)
	return deliveries
}

// next wants the next delivery to have this body.
func (s *scene) next(deliveries <-chan amqp.Delivery, body string) amqp.Delivery {
	delivery := await(s, "the delivery of "+body, deliveries)
	equal(s, "body", string(delivery.Body), body)
	return delivery
}

// holds wants so many messages ready in the queue.
func (s *scene) holds(ch *amqp.Channel, queue string, want int) {
	state, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	s.check(err)
	equal(s, "messages in the queue", state.Messages, want)
}

// control sends one line to the runner and returns what follows "ok".
func (s *scene) control(line string) string {
	conn, err := net.Dial("tcp", os.Getenv("INTEROP_CONTROL"))
	s.check(err)
	defer conn.Close()
	_, err = fmt.Fprintln(conn, line)
	s.check(err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	s.check(err)
	rest, ok := strings.CutPrefix(strings.TrimSpace(answer), "ok")
	s.that(ok, "%s: the runner answered %q", line, answer)
	return strings.TrimSpace(rest)
}
