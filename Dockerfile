# leveret as an image: one static binary that answers to RabbitMQ's names.
#
#   docker build -t leveret .                    with busybox's shell, as health checks and scripts for RabbitMQ need it
#   docker build -t leveret:bare --target bare . the binary and nothing else
#
# Ports, paths, user and variables are those of RabbitMQ's official image; packaging/image.sh lays them out.

# Its C library is there as an archive too.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo xtask dist && sh packaging/image.sh target/dist/leveret /layout

FROM scratch AS bare
COPY --from=build /layout/ /
ENV PATH=/opt/rabbitmq/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/var/lib/rabbitmq \
    RABBITMQ_MNESIA_BASE=/var/lib/rabbitmq/mnesia
USER 999:999
VOLUME /var/lib/rabbitmq
EXPOSE 5672 5671 15672 15671 15692
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/leveret", "ping"]
ENTRYPOINT ["/leveret"]
CMD ["serve"]

# The last stage is the default one. It begins anew, since a shell cannot be added below a layout that has links to it.
FROM busybox:1.37-musl
COPY --from=build /layout/ /
ENV PATH=/opt/rabbitmq/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/var/lib/rabbitmq \
    RABBITMQ_MNESIA_BASE=/var/lib/rabbitmq/mnesia
USER 999:999
VOLUME /var/lib/rabbitmq
EXPOSE 5672 5671 15672 15671 15692
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/leveret", "ping"]
ENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
