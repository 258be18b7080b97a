# frozen_string_literal: true

# Bunny, the Ruby client, in the order of the list of behaviours.
require_relative "harness"
require_relative "connections"
require_relative "messages"
require_relative "consumers"
require_relative "queues"
require_relative "publishing"
require_relative "expiry"
require_relative "exchanges"
require_relative "recovery"

# A behaviour is the method of its name (with underscores), on a stage of its own.
class Stage
  include Connections
  include Messages
  include Consumers
  include Queues
  include Publishing
  include Expiry
  include Exchanges
  include Recovery
end

Matrix.run("bunny", %w[
  connect bad-password heartbeats
  publish-get properties empty-body large-message binary-body
  consume-ack consume-auto-ack redelivered nack-requeue multiple-ack prefetch consumer-cancel cancel-notify
  exclusive passive-missing inequivalent
  confirms mandatory reject-publish
  max-length message-ttl queue-ttl queue-expires dead-letter retry-loop priority
  single-active consumer-priority
  topic headers-exchange e2e-binding alternate consistent-hash delayed
  delivery-limit transactions direct-reply many-channels blocked
  tls tls-external
  reconnect topology
])
