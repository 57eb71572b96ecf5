#!/usr/bin/env bash
# Captures TCP ports on the loopback interface, in the background and bounded.
#
#   capture.sh start PCAP PORT...   returns once packets are being captured; 77 where this machine allows no capture
#   capture.sh stop PCAP            ends it; returns once PCAP is complete
#
# Bounds: CAPTURE_SECONDS (600), CAPTURE_KIB (262144): then the capture ends by itself. The process is kept in PCAP.pid.
set -euo pipefail

seconds="${CAPTURE_SECONDS:-600}"
kib="${CAPTURE_KIB:-262144}"

fail() { echo "capture.sh: $1" >&2; exit "${2:-1}"; }

# wait_until SECONDS COMMAND...: polls
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# Not running any more, or only waiting for its parent to ask for the exit code.
gone() { ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null; }
# The id in a file may have become somebody else's.
is_dumpcap() { [[ "$(cat "/proc/$1/comm" 2>/dev/null)" == dumpcap ]]; }
said() { tr -s '[:space:]' ' ' <"$pcap.log" | cut -c1-300; }
started_or_gone() { [[ -s "$pcap" ]] || gone "$pid"; }

start() {
    pcap="$1"; shift
    (($# > 0)) || fail "no port given"
    command -v dumpcap >/dev/null || fail "dumpcap is missing (Debian: DEBIAN_FRONTEND=noninteractive apt-get install -y tshark)" 77
    local filter
    filter="$(printf ' or tcp port %s' "$@")"
    rm -f "$pcap"
    # The file has its header from the moment that the filter is in force.
    dumpcap -q -P -i lo -B 64 -f "${filter# or }" -a "duration:$seconds" -a "filesize:$kib" -w "$pcap" \
        >"$pcap.log" 2>&1 </dev/null &
    pid=$!
    wait_until 10 started_or_gone || { kill "$pid"; fail "no capture within 10 s: $(said)"; }
    gone "$pid" && fail "no capture here: $(said)" 77
    echo "$pid" >"$pcap.pid"
}

stop() {
    pcap="$1"
    [[ -s "$pcap.pid" ]] || fail "no capture into $pcap was started"
    pid="$(<"$pcap.pid")"
    # What the kernel still holds is written before dumpcap ends.
    rm -f "$pcap.pid"
    # Else it reached a bound (or was killed), and the file is not all there was.
    { is_dumpcap "$pid" && ! gone "$pid"; } || fail "the capture had ended before: $(said)"
    kill -INT "$pid"
    wait_until 10 gone "$pid" || { kill -KILL "$pid"; fail "the capture did not end within 10 s"; }
    # "Packets received/dropped on interface 'Loopback: lo': 4711/0 (…)"
    grep -q "received/dropped on interface.*: [0-9]*/0 " "$pcap.log" || fail "incomplete: $(said)"
    rm -f "$pcap.log"
}

case "${1:-}" in
    start) shift; (($# >= 2)) || fail "usage: capture.sh start PCAP PORT..."; start "$@" ;;
    stop) (($# == 2)) || fail "usage: capture.sh stop PCAP"; stop "$2" ;;
    *) fail "usage: capture.sh start PCAP PORT... | capture.sh stop PCAP" ;;
esac
