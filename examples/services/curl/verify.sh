#!/bin/sh
# Asks a server about one proof: verify.sh PROOF.json, where PROOF.json is what `personhood prove --body v4` wrote.
# Exit code 0 a unique human, 1 refused, 2 could not tell. Whoever counts a vote by this must have computed the
# `signal_hash` in the file themselves, from the vote that they count.
set -eu
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
status=$(curl --silent --show-error --max-time 10 --noproxy '*' --output "$answer" --write-out '%{http_code}' \
    --header 'content-type: application/json' --data-binary "@$1" \
    "${PERSONHOOD_URL:-http://127.0.0.1:8080}/api/v4/verify/app_polls?on_reuse=reject") || exit 2
cat "$answer"
echo
case "$status" in
200) exit 0 ;;
4??) if [ "$status" = 429 ] || [ "$status" = 408 ]; then exit 2; else exit 1; fi ;;
*) exit 2 ;;
esac
