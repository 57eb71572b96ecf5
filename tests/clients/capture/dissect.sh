#!/usr/bin/env bash
# Has tshark's SMPP dissector read a capture: dissect.sh [--allow COMMAND] PCAP PORT...
#
# COMMAND (like 0x0000000a) is an id that the dissector does not know and that a test sends on purpose.
#
# Prints the PDUs of each port by command. Fails when the dissector calls a PDU malformed or has any other expert error;
# when octets of a stream are in no PDU (a wrong length makes the rest of the stream one endless PDU); when a port has
# no PDU at all. Exit code 77 without tshark.
set -euo pipefail

allowed=""
if [[ "${1:-}" == --allow ]]; then
    allowed="$2"
    shift 2
fi
(($# >= 2)) || { echo "usage: dissect.sh [--allow COMMAND] PCAP PORT..." >&2; exit 1; }
pcap="$1"
shift
command -v tshark >/dev/null || {
    echo "dissect.sh: tshark is missing (Debian: DEBIAN_FRONTEND=noninteractive apt-get install -y tshark)" >&2
    exit 77
}

decode_as=()
for port in "$@"; do decode_as+=(-d "tcp.port==$port,smpp"); done

# Fields of every packet; several PDUs of one packet are joined by "|".
fields=(frame.number tcp.stream tcp.srcport tcp.dstport tcp.seq tcp.len smpp.command_id smpp.command_length
    _ws.expert.severity _ws.expert.message tcp.payload)

tshark -n -r "$pcap" "${decode_as[@]}" -T fields "${fields[@]/#/-e}" -E occurrence=a -E 'aggregator=|' -E separator=/t |
    awk -F'\t' -v ports="$*" -v allowed="${allowed#0x}" '
    BEGIN {
        names["0x80000000"] = "generic_nack"
        split("0x01 bind_receiver 0x02 bind_transmitter 0x03 query_sm 0x04 submit_sm 0x05 deliver_sm 0x06 unbind " \
            "0x07 replace_sm 0x08 cancel_sm 0x09 bind_transceiver 0x0b outbind 0x15 enquire_link 0x21 submit_multi", list, " ")
        for (i = 1; i in list; i += 2) {
            low = substr(list[i], 3)
            names["0x000000" low] = list[i + 1]
            names["0x800000" low] = list[i + 1] "_resp"
        }
        names["0x00000102"] = "alert_notification"
        names["0x00000103"] = "data_sm"; names["0x80000103"] = "data_sm_resp"
        wanted_count = split(ports, wanted, " ")
        for (i in wanted) is_wanted[wanted[i]] = 1
        ERROR = 8388608 # PI_ERROR
    }
    {
        port = ($3 in is_wanted) ? $3 : $4
        if (!(port in is_wanted)) next
        side = $2 SUBSEP $3
        if ($6 > 0 && $5 + $6 - 1 > octets[side]) octets[side] = $5 + $6 - 1 # relative sequence numbers begin with 1
        count = split($7, ids, "|")
        split($8, lengths, "|")
        for (i = 1; i <= count; i++) {
            in_pdus[side] += lengths[i]
            pdus[port]++
            by_command[port SUBSEP (ids[i] in names ? names[ids[i]] : "unknown " ids[i])]++
        }
        # The dissector leaves a command alone that it does not know: one whole PDU with the allowed id is counted here.
        if (count == 0 && allowed != "" && substr($11, 1, 16) == sprintf("%08x", $6) allowed) {
            in_pdus[side] += $6
            pdus[port]++
            by_command[port SUBSEP "allowed 0x" allowed]++
        }
        count = split($9, severities, "|")
        split($10, messages, "|")
        for (i = 1; i <= count; i++) if (severities[i] == ERROR) fail("packet " $1 ": " messages[i])
    }
    END {
        for (key in by_command) {
            split(key, part, SUBSEP)
            printf "%s %-22s %d\n", part[1], part[2], by_command[key] | "sort"
        }
        close("sort")
        for (side in octets) if (octets[side] != in_pdus[side]) {
            split(side, part, SUBSEP)
            fail("stream " part[1] " from port " part[2] ": " octets[side] " octets, " in_pdus[side] + 0 " of them in PDUs")
        }
        for (i = 1; i <= wanted_count; i++) {
            if (!pdus[wanted[i]]) fail("port " wanted[i] ": no PDU")
            total += pdus[wanted[i]]
        }
        printf "%d PDUs, %d errors\n", total, errors
        exit errors > 0
    }
    function fail(cause) {
        errors++
        if (errors <= 20) print "error: " cause
    }'
