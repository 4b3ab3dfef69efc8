#!/bin/bash
# Health check of Elasticsearch: elasticsearch-health.sh URL CA
# It is well when it knows its password and has all primary shards.
set -euo pipefail
password=$(<"$ELASTIC_PASSWORD_FILE")
# The shell itself has printf: the password is on no command line.
curl --silent --show-error --fail --output /dev/null --max-time 8 --cacert "$2" \
    --config <(printf 'user = "elastic:%s"\n' "$password") \
    "$1/_cluster/health?wait_for_status=yellow&timeout=5s"
