#!/bin/sh
# A replica set of one, with authentication between its members, as a production set has it.
set -eu
printf '%s' "$MONGO_REPLICA_KEY" > /tmp/replica.key
chmod 400 /tmp/replica.key
chown mongodb:mongodb /tmp/replica.key
exec docker-entrypoint.sh mongod --replSet rs0 --keyFile /tmp/replica.key --bind_ip_all
