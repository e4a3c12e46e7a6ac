#!/bin/sh
# What the machine itself has to have: a full JDK from 17 on, bubblewrap, and the OpenMP runtime (LightGBM). Root on
# Debian gets it installed; anybody else is told the exact command.
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

openmp_is_there() {
  PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q '^.libgomp\.so\.1 '
}

lacking=""
packages=""
lacks_java=""
lack() {
  lacking="$lacking${lacking:+ and }$1"
  packages="$packages${packages:+ }${2:-}"
}
java_is_full 2>/dev/null || { lacks_java=yes; lack "a full JDK 17"; }
command -v bwrap >/dev/null || lack bubblewrap bubblewrap
openmp_is_there || lack libgomp libgomp1
[ -n "$lacking" ] || exit 0

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
# Only now: which JDK there is stands in the lists that have just been updated.
install="apt-get install --yes --no-install-recommends${lacks_java:+ $(jdk_package)}${packages:+ $packages}"
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
