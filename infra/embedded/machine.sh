#!/bin/sh
# What the machine itself has to have: a full JDK from 17 on and bubblewrap. Root on Debian gets it installed; anybody
# else is told the exact command.
set -eu

java="${JAVA_HOME:+$JAVA_HOME/bin/}java"

# A stripped runtime starts Kafka, but not Spark.
java_is_full() {
  version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${version:-0}" -ge 17 ] && "$java" --list-modules | grep -q '^jdk\.incubator\.vector'
}

jdk_package() {
  if apt-cache show openjdk-17-jdk-headless >/dev/null 2>&1; then
    echo openjdk-17-jdk-headless
  else
    echo default-jdk-headless
  fi
}

lacks_java=""
lacks_bubblewrap=""
java_is_full 2>/dev/null || lacks_java="a full JDK 17"
command -v bwrap >/dev/null || lacks_bubblewrap="bubblewrap"
[ -n "$lacks_java$lacks_bubblewrap" ] || exit 0
lacking="$lacks_java${lacks_java:+${lacks_bubblewrap:+ and }}$lacks_bubblewrap"

if ! command -v apt-get >/dev/null; then
  echo "setup: this machine lacks $lacking: install it with its package manager, then try again" >&2
  exit 1
fi
is_root=""
if [ "$(id -u)" -eq 0 ]; then
  is_root=yes
  echo "setup: installing $lacking with apt-get${lacks_java:+ (270 MB on disk; a minute or two)}"
  apt-get update >/dev/null 2>&1 || true
fi
packages="${lacks_java:+$(jdk_package) }$lacks_bubblewrap"
install="apt-get install --yes --no-install-recommends $packages"
if [ -z "$is_root" ]; then
  echo "setup: this machine lacks $lacking; type: sudo apt-get update && sudo $install" >&2
  exit 1
fi
log=$(mktemp)
if ! DEBIAN_FRONTEND=noninteractive $install >"$log" 2>&1; then
  tail -n 3 "$log" >&2
  echo "setup: that failed; type: apt-get update && $install" >&2
  exit 1
fi
rm -f "$log"
if [ -n "$lacks_java" ] && ! java_is_full; then
  echo "setup: $java is still no full JDK 17; unset JAVA_HOME or point it at one" >&2
  exit 1
fi
