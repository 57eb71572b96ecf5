#!/usr/bin/env bash
# The checks are checked: both clients pass against a stand-in (npm smpp as a server), and for each fault that is planted
# in it, the check that guards against it fails. Usage: selftest.sh [python|node]...
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
CLIENTS_DIR="$("$here/../../../tools/clients-install")"
work="$(mktemp -d)"
stand_in=""
trap '[[ -z "$stand_in" ]] || kill "$stand_in" 2>/dev/null || true; rm -rf "$work"' EXIT

export CLIENTS_DIR SMPP_HOST=127.0.0.1 SMPP_SYSTEM_ID=customer SMPP_PASSWORD=secret08
export SMPP_ENQUIRE_LINK_SECONDS=2
export SMPP_CA="$work/cert.pem" STAND_IN_KEY="$work/key.pem" STAND_IN_CERT="$work/cert.pem"
# Some faults are found by waiting in vain: a short bound (seconds), the same with and without a fault.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null

# fault | the check (a regular expression over its line) that must find it
faults='drop|at the provider
double|PDUs at the provider
text|octets
coding|data_coding
order|order of the parts
reference|number of references
sar|sar TLVs arrives
same_id|ids
password|wrong password is refused
binds|one bind more
receiver|submit on a receiver
schedule|schedule_delivery_time
throttled_arrives|2,000 submits
unanswered|2,000 submits
answered_twice|2,000 submits
ok_to_all|query_sm
silent|idle receiver'

client() {
    case "$1" in
        python) "$CLIENTS_DIR/venv/bin/python" "$here/../python/smpplib_client.py" ;;
        node) node "$here/../node/smpp_client.mjs" ;;
    esac
}

# dissect CLIENT: what it and the stand-in wrote (the clients send one unknown command on purpose)
dissect() {
    "$here/../capture/capture.sh" stop "$work/pcap"
    if "$here/../capture/dissect.sh" --allow 0x0000000a "$work/pcap" "$SMPP_PORT" >"$work/dissected" 2>/dev/null; then
        echo "ok - $1, captured: $(tail -n 1 "$work/dissected")"
    else
        echo "not ok - $1, captured:"; grep error "$work/dissected"; failed=1
    fi
}

# run CLIENT FAULT BOUND: output in $work/out
run() {
    export SMSC_RECORD="$work/record.$1.$2" STAND_IN_PORTS="$work/ports" STAND_IN_FAULT="$2" SMPP_BOUND_SECONDS="$3"
    rm -f "$STAND_IN_PORTS"
    node "$here/stand_in.mjs" &
    stand_in=$!
    for _ in {1..200}; do
        [[ ! -s "$STAND_IN_PORTS" ]] || break
        sleep 0.05
    done
    read -r SMPP_PORT SMPP_TLS_PORT <"$STAND_IN_PORTS"
    export SMPP_PORT SMPP_TLS_PORT
    local code=0 captured=""
    if [[ -z "$2" ]] && "$here/../capture/capture.sh" start "$work/pcap" "$SMPP_PORT"; then captured=yes; fi
    client "$1" >"$work/out" 2>&1 || code=$?
    [[ -z "$captured" ]] || dissect "$1"
    kill "$stand_in" && wait "$stand_in" 2>/dev/null || true
    stand_in=""
    return "$code"
}

failed=0
for name in "${@:-python}"; do
    if run "$name" "" 5; then
        echo "ok - $name: all $(grep -c '^ok' "$work/out") checks hold against the stand-in"
    else
        echo "not ok - $name against the stand-in:"; grep -v '^ok' "$work/out"; failed=1
    fi
    while IFS='|' read -r fault check; do
        if ! run "$name" "$fault" 5 </dev/null && grep -q "^not ok.*$check" "$work/out"; then
            echo "ok - $name finds fault $fault: $(grep -c '^not ok' "$work/out") check(s)"
        else
            echo "not ok - $name does not find fault $fault:"; grep '^not ok' "$work/out" || true; failed=1
        fi
    done <<<"$faults"
done
exit "$failed"
