#!/bin/bash
# Starts Kibana with its secrets in the environment of its process, where kibana.yml finds them. The
# image would put what it knows by its own names, such as ELASTICSEARCH_PASSWORD, on the command line.
set -euo pipefail
secrets=${SECRETS:-/run/secrets}
KIBANA_PASSWORD=$(<"$secrets/kibana_password")
KIBANA_ENCRYPTION_KEY=$(<"$secrets/kibana_encryption_key")
export KIBANA_PASSWORD KIBANA_ENCRYPTION_KEY
exec "${@:-/usr/local/bin/kibana-docker}"
