#!/bin/sh
# Writes the hashed locks anew: dev.txt holds everything, and the others agree with it.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --python-version 3.11 "$@"; }
echo "uv" | compile - --output-file requirements/bootstrap.txt
compile pyproject.toml --all-extras --group dev --group model --output-file requirements/dev.txt
for extra in registry deployer executor metrics setup; do
  compile pyproject.toml --extra "$extra" --constraint requirements/dev.txt --output-file "requirements/$extra.txt"
done
compile --group model --constraint requirements/dev.txt --output-file requirements/model.txt
compile --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt
