#!/usr/bin/env bash
# Requests that schemathesis (PyPI) derives from the server's own OpenAPI document, against a server on loopback: every answer has a
# status and a body that the document names, what breaks the document is refused, and the server still runs afterwards.
#
#   PERSONHOOD=target/release/personhood tests/abuse/schemathesis.sh [SECONDS]
#
# 501 is an answer here (no eyes, no key), so server errors are looked for in the log of codes instead: none may be 500.
set -euo pipefail
program=${PERSONHOOD:-target/release/personhood}
seconds=${1:-60}
if ! command -v schemathesis >/dev/null; then
    echo "skipped: schemathesis is not installed (pip install schemathesis)"
    exit 0
fi
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -r "$folder"' EXIT
"$program" init --registry "$folder/registry" --quiet
digest=$(printf %s 'the key of the abuse' | sha256sum | cut -d' ' -f1)
printf '[[key]]\nname="abuse"\nsha256="%s"\nroles=["metrics","insert","request"]\n' "$digest" >"$folder/keys.toml"
"$program" serve --registry "$folder/registry" --app app_abuse --action act --api-keys "$folder/keys.toml" \
    --request-key "$folder/request.key" --rate-limit 0 --listen 127.0.0.1:0 --log error >"$folder/out" 2>"$folder/log" &
server=$!
for _ in $(seq 100); do
    url=$(sed -n 's/^listening on //p' "$folder/out")
    [ -z "$url" ] || break
    sleep 0.1
done
schemathesis run "$url/openapi.json" --max-time "$seconds" --workers 2 --continue-on-failure \
    --checks status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection \
    -H 'Authorization: Bearer the key of the abuse'
curl -fsS -H 'Authorization: Bearer the key of the abuse' "$url/metrics" >"$folder/metrics"
if grep 'status="500"' "$folder/metrics"; then
    echo "error: the server answered 500" >&2
    exit 1
fi
[ ! -s "$folder/log" ] || { cat "$folder/log" >&2; exit 1; }
grep -E '^personhood_requests_total' "$folder/metrics" | awk '{ total += $NF } END { print total " requests, none of them answered 500" }'
kill -TERM "$server"
wait "$server"
