#!/bin/bash
# Makes an authority and the certificates of both servers, each once, each into a directory (a volume
# of docker-compose.yml) that only those get who need it:
#   authority/      ca.crt and ca.key, of this script alone
#   trust/          ca.crt, for everyone
#   elasticsearch/  ca.crt, tls.crt and tls.key; likewise kibana/
set -euo pipefail
root=${1:-/certificates}
umask 027 # group 0 is that of the servers in their images
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -s "$root/authority/ca.key" ]; then
    elasticsearch-certutil ca --silent --pem --days 3650 --out "$work/ca.zip"
    unzip -q "$work/ca.zip" -d "$work"
    cp "$work/ca/ca.crt" "$root/authority/ca.crt"
    mv "$work/ca/ca.key" "$root/authority/ca.key" # last: with it, the authority is there
    rm -f "$root"/*/tls.key
    echo "Made an authority."
fi
cp "$root/authority/ca.crt" "$root/trust/ca.crt"
chmod 644 "$root/trust/ca.crt"

for server in elasticsearch kibana; do
    [ ! -s "$root/$server/tls.key" ] || continue
    elasticsearch-certutil cert --silent --pem --days 825 --name "$server" \
        --dns "$server,localhost" --ip 127.0.0.1 --out "$work/$server.zip" \
        --ca-cert "$root/authority/ca.crt" --ca-key "$root/authority/ca.key"
    unzip -q "$work/$server.zip" -d "$work"
    cp "$root/authority/ca.crt" "$root/$server/ca.crt"
    cp "$work/$server/$server.crt" "$root/$server/tls.crt"
    cp "$work/$server/$server.key" "$root/$server/tls.key"
    chmod 640 "$root/$server/"*
    echo "Made the certificate of $server."
done
