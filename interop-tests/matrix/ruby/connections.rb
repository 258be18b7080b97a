# frozen_string_literal: true

# Logging in, staying, and what a connection carries and is told.
module Connections
  def connect
    connection = session
    channel = connection.create_channel
    check(channel.open?, "the channel is open")
    channel.close
    connection.close
    check(connection.closed?, "the connection is closed")
  end

  def bad_password
    fails(Bunny::AuthenticationFailureError) { session(password: "wrong") }
  end

  # The silence is the behaviour; the library sends its heartbeats by itself.
  def heartbeats
    connection = session(heartbeat: 2)
    equal(2, connection.heartbeat, "heartbeat in seconds")
    sleep(5)
    connection.create_channel.close
  end

  def many_channels
    connection = session
    queues = Array.new(200) do |i|
      queue = connection.create_channel.queue(name, exclusive: true)
      queue.publish("for #{i}")
      queue
    end
    queues.each_with_index { |queue, i| equal("for #{i}", arrival(queue).last, "on channel #{i}") }
  end

  def blocked
    connection = session(Matrix.control("blocked"), continuation_timeout: 1_000)
    told = Queue.new
    connection.on_blocked { |method| told << method.reason }
    connection.create_channel.fanout("amq.fanout").publish("too much")
    reason = Timeout.timeout(Stage::LIMIT) { told.pop }
    check(reason.include?("memory"), "the reason is memory, not #{reason}")
  ensure
    Matrix.control("unblocked")
    leave_unread(connection) if connection
  end

  # A broker that blocks a connection does not read it, the goodbye neither.
  def leave_unread(connection)
    connection.close
  rescue Timeout::Error
    nil
  end

  def tls
    queue = make_queue(connect_tls("INTEROP_CA").create_channel)
    fill(queue, "secret")
    equal("secret", take(queue), "body")
    refused = fails(StandardError) { connect_tls("INTEROP_OTHER_CA") }
    check(refused.message.include?("certificate verify failed"), "refused by TLS, not by #{refused.message}")
  end

  # Without a user name: that is the certificate's.
  def tls_external
    connect_tls("INTEROP_CA", auth_mechanism: "EXTERNAL").create_channel.close
  end

  def connect_tls(authority, **settings)
    session(ENV.fetch("INTEROP_TLS_URL"), verify_peer: true, tls_ca_certificates: [ENV.fetch(authority)],
                                          tls_cert: ENV.fetch("INTEROP_CLIENT_CERT"),
                                          tls_key: ENV.fetch("INTEROP_CLIENT_KEY"), **settings)
  end
end
