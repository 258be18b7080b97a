#!/bin/sh
# Lays out the files of the image: `image.sh BINARY DIRECTORY`.
#
# What containers of RabbitMQ's official image are run with finds its place here: the names of its tools, on the path
# and under /opt/rabbitmq/sbin, its user with number 999, its volume and its directory of settings.
set -eu

binary=$1
root=$2
here=$(dirname "$0")

mkdir -p "$root/usr/local/bin" "$root/opt/rabbitmq/sbin" "$root/etc/rabbitmq/conf.d" \
    "$root/var/lib/rabbitmq/mnesia" "$root/var/log/rabbitmq" "$root/tmp"
cp "$binary" "$root/leveret"
chmod 755 "$root/leveret"

for name in rabbitmqctl rabbitmq-diagnostics rabbitmq-plugins rabbitmq-queues rabbitmq-streams rabbitmq-upgrade \
    rabbitmq-server; do
    ln -s /leveret "$root/opt/rabbitmq/sbin/$name"
    ln -s /leveret "$root/usr/local/bin/$name"
done
ln -s /leveret "$root/usr/local/bin/rabbitmqadmin"
ln -s /leveret "$root/usr/local/bin/leveret"

cp "$here/docker-entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"
chmod 755 "$root/usr/local/bin/docker-entrypoint.sh"
cp "$here/10-defaults.conf" "$root/etc/rabbitmq/conf.d/10-defaults.conf"
echo '[rabbitmq_management,rabbitmq_prometheus].' > "$root/etc/rabbitmq/enabled_plugins"

printf 'root:x:0:0:root:/root:/bin/sh\nrabbitmq:x:999:999:leveret:/var/lib/rabbitmq:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\nrabbitmq:x:999:\n' > "$root/etc/group"

chmod 1777 "$root/tmp"
# Whoever the container is run as (`--user`) may write where RabbitMQ's image lets him.
chmod 777 "$root/var/lib/rabbitmq" "$root/var/lib/rabbitmq/mnesia" "$root/var/log/rabbitmq" "$root/etc/rabbitmq" \
    "$root/etc/rabbitmq/conf.d"
chown -R 999:999 "$root/var/lib/rabbitmq" "$root/var/log/rabbitmq" "$root/etc/rabbitmq"
