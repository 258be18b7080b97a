package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func connects(s *scene) {
	conn := s.connect()
	ch, err := conn.Channel()
	s.check(err)
	s.check(ch.Close())
	s.check(conn.Close())
	s.that(conn.IsClosed(), "the connection is still open")
}

func badPassword(s *scene) {
	uri, err := amqp.ParseURI(os.Getenv("INTEROP_URL"))
	s.check(err)
	uri.Password = "wrong"
	_, err = amqp.Dial(uri.String())
	s.that(errors.Is(err, amqp.ErrCredentials), "%v instead of ErrCredentials", err)
}

func heartbeats(s *scene) {
	conn := s.connectTo(os.Getenv("INTEROP_URL"), amqp.Config{Heartbeat: time.Second})
	equal(s, "heartbeat", conn.Config.Heartbeat, time.Second)
	ch := s.channelOn(conn)
	<-time.After(5 * time.Second)
	queue := s.queue(ch, nil)
	s.send(ch, queue, "alive")
	equal(s, "body", string(s.get(ch, queue).Body), "alive")
}

func manyChannels(s *scene) {
	conn := s.connect()
	queue := s.queue(s.channelOn(conn), nil)
	for number := range 200 {
		ch := s.channelOn(conn)
		body := fmt.Sprint(number)
		s.send(ch, queue, body)
		equal(s, "body", string(s.get(ch, queue).Body), body)
	}
}

func blocked(s *scene) {
	url := s.control("blocked")
	defer s.control("unblocked")
	conn := s.connectTo(url, amqp.Config{})
	blocking := conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	ch, err := conn.Channel()
	s.check(err)
	s.check(ch.Publish("", s.name(), false, false, amqp.Publishing{}))
	notice := await(s, "connection.blocked", blocking)
	s.that(notice.Active && notice.Reason != "", "%+v", notice)
}

// trust is a TLS configuration that believes the authority in this file only.
func (s *scene) trust(file string) *tls.Config {
	authority, err := os.ReadFile(file)
	s.check(err)
	roots := x509.NewCertPool()
	s.that(roots.AppendCertsFromPEM(authority), "%s holds no certificate", file)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func overTLS(s *scene) {
	url := s.tlsURL()
	ch := s.channelOn(s.connectTo(url, amqp.Config{TLSClientConfig: s.trust(os.Getenv("INTEROP_CA"))}))
	queue := s.queue(ch, nil)
	s.send(ch, queue, "secret")
	equal(s, "body", string(s.get(ch, queue).Body), "secret")

	_, err := amqp.DialTLS(url, s.trust(os.Getenv("INTEROP_OTHER_CA")))
	s.that(err != nil && strings.Contains(err.Error(), "unknown authority"), "a wrong authority: %v", err)
}

func externalLogin(s *scene) {
	config := s.trust(os.Getenv("INTEROP_CA"))
	own, err := tls.LoadX509KeyPair(os.Getenv("INTEROP_CLIENT_CERT"), os.Getenv("INTEROP_CLIENT_KEY"))
	s.check(err)
	config.Certificates = []tls.Certificate{own}
	conn, err := amqp.DialTLS_ExternalAuth(s.tlsURL(), config)
	s.check(err)
	defer conn.Close()
	ch := s.channelOn(conn)
	queue := s.queue(ch, nil)
	// The broker refuses another user's name than that of the connection.
	s.publish(ch, "", queue, amqp.Publishing{UserId: "guest"})
	equal(s, "user id", s.get(ch, queue).UserId, "guest")
}

func (s *scene) tlsURL() string {
	url := os.Getenv("INTEROP_TLS_URL")
	s.that(url != "", "there is no INTEROP_TLS_URL")
	return url
}

// recovering connects with the library's own recovery, and tells of every time it has recovered.
func (s *scene) recovering() (*amqp.Connection, <-chan struct{}) {
	conn := s.connectTo(os.Getenv("INTEROP_URL"), amqp.Config{
		Recovery: &amqp.Recovery{
			ReconnectionConfig: &amqp.ReconnectionConfig{MaxRetryCount: 100, RetryInterval: 200 * time.Millisecond},
		},
	})
	changes := make(chan *amqp.StateChanged, 16)
	conn.NotifyStateChange(changes)
	recovered := make(chan struct{}, 16)
	go func() {
		for change := range changes {
			if change.From == amqp.StateReconnecting && change.To == amqp.StateOpen {
				recovered <- struct{}{}
			}
		}
	}()
	return conn, recovered
}

func reconnect(s *scene) {
	conn, recovered := s.recovering()
	ch := s.channelOn(conn)
	queue := s.queue(ch, nil)
	s.publish(ch, "", queue, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("kept")})
	s.control("restart")
	await(s, "recovery", recovered)
	ch, err := conn.Channel()
	s.check(err)
	equal(s, "body", string(s.get(ch, queue).Body), "kept")
}

func topology(s *scene) {
	conn, recovered := s.recovering()
	ch := s.channelOn(conn)
	var consumers []<-chan amqp.Delivery
	for _, exclusive := range []bool{true, false} {
		name := s.name()
		_, err := ch.QueueDeclare(name, !exclusive, true, exclusive, false, nil)
		s.check(err)
		s.bind(ch, name, s.id, "amq.topic", nil)
		consumers = append(consumers, s.consume(ch, name, nil))
	}
	s.control("restart")
	await(s, "recovery", recovered)
	s.publish(ch, "amq.topic", s.id, amqp.Publishing{Body: []byte("again")})
	for _, deliveries := range consumers {
		s.check(s.next(deliveries, "again").Ack(false))
	}
}
