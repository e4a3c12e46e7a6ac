#!/bin/sh
# What the machine itself has to have: a JDK 17 or later and bubblewrap. Root on Debian gets it installed; anybody else
# is told the exact command.
set -eu

missing=""
needs() { missing="$missing $1"; }

java_version() {
  java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
  "$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1
}

version=$(java_version || true)
[ "${version:-0}" -ge 17 ] || needs openjdk-17-jdk-headless
command -v bwrap >/dev/null || needs bubblewrap
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: this machine lacks$missing; install a JDK 17 and bubblewrap (bwrap) with its package manager" >&2
  exit 1
fi
command="apt-get update && apt-get install --yes --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ]; then
  echo "setup: this machine lacks$missing; type: sudo sh -c '$command'" >&2
  exit 1
fi
echo "setup: installing$missing"
log=$(mktemp)
if ! DEBIAN_FRONTEND=noninteractive sh -c "$command" >"$log" 2>&1; then
  tail -n 3 "$log" >&2
  echo "setup: that failed; type: $command" >&2
  exit 1
fi
rm -f "$log"
