#!/bin/sh
# Healthy once this node is the primary of its set; makes the set the first time.
exec mongosh --quiet --username root --password "$MONGO_INITDB_ROOT_PASSWORD" --eval '
  try { rs.status() } catch (e) { rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] }) }
  if (!db.hello().isWritablePrimary) { quit(1) }'
