#!/bin/sh
# A redis server and its own benchmark, over a socket in a directory that is gone
# afterwards. The argument is the percentage of the full work that is wanted.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
socket=$directory/socket
redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no >"$directory/log" 2>&1 &
until redis-cli -s "$socket" ping >/dev/null 2>&1; do sleep 0.01; done
redis-benchmark -s "$socket" -q -c 8 -P 16 -d 200 -r 50000 -n $((1 + 400 * $1)) \
    -t set,get,lpush,rpop,hset,sadd,zadd >/dev/null
redis-cli -s "$socket" shutdown nosave
wait
echo done
