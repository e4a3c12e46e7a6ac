#!/bin/sh
# Formats the node's storage once, with the administrator's SCRAM credential in it, then starts Kafka.
set -eu
properties=/etc/mlp/server.properties
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id "$KAFKA_CLUSTER_ID" --config "$properties" \
  --add-scram "SCRAM-SHA-512=[name=admin,password=$KAFKA_ADMIN_PASSWORD]"
exec /opt/kafka/bin/kafka-server-start.sh "$properties"
