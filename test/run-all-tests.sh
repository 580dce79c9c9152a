#!/usr/bin/env bash
# All tests; the exit code is theirs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec make test "$@"
