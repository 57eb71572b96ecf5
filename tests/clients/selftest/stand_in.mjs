// A stand-in for gateway and provider, by npm smpp as a server: only to try the clients' checks, and to show that
// each of them fails when what it guards goes wrong (STAND_IN_FAULT, see selftest.sh). Nothing of the gateway is in it.

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.CLIENTS_DIR, "node", "package.json"));
const smpp = require("smpp");

const FAULT = process.env.STAND_IN_FAULT ?? "";
const ENQUIRE_MS = 1000 * Number(process.env.SMPP_ENQUIRE_LINK_SECONDS ?? 30);
const WINDOW = 10;
const BINDS_MAX = 4;
const ANSWER_MS = 3;
const STATUS = {
  RINVCMDID: 0x03, RINVBNDSTS: 0x04, RALYBND: 0x05, RINVPASWD: 0x0e, RCANCELFAIL: 0x11, RREPLACEFAIL: 0x13,
  RTHROTTLED: 0x58, RINVSCHED: 0x61, RQUERYFAIL: 0x67,
};

// Octets as they came: without the library's own decoding.
for (const command of ["submit_sm", "submit_multi", "replace_sm"]) {
  delete smpp.commands[command].params.short_message.filter;
  delete smpp.commands[command].params.schedule_delivery_time.filter;
  delete smpp.commands[command].params.validity_period.filter;
}
delete smpp.tlvs.message_payload.filter;

let binds = 0;
let nextId = 0;
let references = 0;
let calls = 0;
const assemblies = new Map();

/** Faults that strike now and then: every seventh time. */
const seventh = () => (calls += 1) % 7 === 0;

function record(fields) {
  const line = { at_ms: Date.now(), bind: 0, sequence: ++references, ...fields };
  if (FAULT === "text") line.short_message_hex = line.short_message_hex.replace(/.$/, "0");
  if (FAULT === "coding") line.data_coding = 1;
  const times = FAULT === "double" && seventh() ? 2 : 1;
  appendFileSync(process.env.SMSC_RECORD, `${JSON.stringify(line)}\n`.repeat(times));
}

function fieldsOf(pdu, destination) {
  return {
    source: { ton: pdu.source_addr_ton, npi: pdu.source_addr_npi, addr: pdu.source_addr },
    destination: { ton: 1, npi: 1, addr: destination },
    esm_class: pdu.esm_class,
    data_coding: pdu.data_coding,
    registered_delivery: pdu.registered_delivery,
    short_message_hex: (pdu.short_message ?? Buffer.alloc(0)).toString("hex"),
    payload_hex: (pdu.message_payload ?? Buffer.alloc(0)).toString("hex"),
    sar: null,
    message_id: String(nextId),
  };
}

/** Which part of what, and its octets: by user data header (first element only) or sar TLVs. */
function concatenationOf(pdu) {
  const octets = pdu.short_message;
  if (pdu.esm_class & 0x40 && octets[1] === 0x00) {
    return { width: 8, reference: octets[3], total: octets[4], index: octets[5], content: octets.subarray(6) };
  }
  if (pdu.esm_class & 0x40 && octets[1] === 0x08) {
    return { width: 16, reference: octets.readUInt16BE(3), total: octets[5], index: octets[6], content: octets.subarray(7) };
  }
  if (pdu.sar_msg_ref_num === undefined) return null;
  const { sar_msg_ref_num: reference, sar_total_segments: total, sar_segment_seqnum: index } = pdu;
  return { width: 16, reference, total, index, content: octets, sar: true };
}

function assemble(pdu, part) {
  const key = [pdu.source_addr, pdu.destination_addr, part.width, part.reference, part.total].join("|");
  const parts = assemblies.get(key) ?? new Map();
  assemblies.set(key, parts.set(part.index, { pdu, part }));
  if (parts.size < part.total) return;
  assemblies.delete(key);
  const ordered = [...parts.values()].sort((a, b) => a.part.index - b.part.index);
  if (FAULT === "order") ordered.reverse();
  const reference = ++references & 0xff;
  ordered.forEach(({ pdu: from, part: p }, i) => record(asUdh(from, p, FAULT === "reference" ? reference + i : reference)));
}

function asUdh(pdu, part, reference) {
  const fields = fieldsOf(pdu, pdu.destination_addr);
  const header = part.width === 8
    ? Buffer.from([5, 0, 3, reference, part.total, part.index])
    : Buffer.from([6, 8, 4, 1, reference, part.total, part.index]);
  if (FAULT === "sar" && part.sar) return { ...fields, sar: { reference, total: part.total, index: part.index } };
  const short_message_hex = Buffer.concat([header, part.content]).toString("hex");
  return { ...fields, esm_class: pdu.esm_class | 0x40, short_message_hex };
}

function accept(pdu) {
  if (FAULT === "drop" && seventh()) return;
  const part = pdu.command === "submit_sm" ? concatenationOf(pdu) : null;
  if (part) assemble(pdu, part);
  else for (const to of pdu.dest_address ?? [pdu]) record(fieldsOf(pdu, to.destination_addr));
}

function serve(session) {
  const state = { mode: null, pending: 0, timer: null };
  const answer = (pdu, options) => session.send(pdu.response(options));
  session.on("error", () => session.destroy());
  session.on("close", () => { release(state); clearTimeout(state.timer); });
  session.on("pdu", (pdu) => {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => FAULT !== "silent" && session.enquire_link(), ENQUIRE_MS);
    if (pdu.isResponse()) return;
    if (pdu.command.startsWith("bind_")) bind(state, pdu, answer);
    else if (pdu.command === "unbind") { release(state); answer(pdu); }
    else if (/^(submit_sm|submit_multi|data_sm)$/.test(pdu.command)) submit(state, pdu, answer);
    else answer(pdu, { command_status: refusal(pdu.command) });
  });
}

function release(state) {
  if (state.mode) binds -= 1;
  state.mode = null;
}

function bind(state, pdu, answer) {
  const known = pdu.system_id === process.env.SMPP_SYSTEM_ID && pdu.password === process.env.SMPP_PASSWORD;
  if (!known && FAULT !== "password") return answer(pdu, { command_status: STATUS.RINVPASWD });
  if (binds >= BINDS_MAX && FAULT !== "binds") return answer(pdu, { command_status: STATUS.RALYBND });
  binds += 1;
  state.mode = pdu.command;
  return answer(pdu, { system_id: "stand-in" });
}

function submit(state, pdu, answer) {
  const may = state.mode === "bind_transmitter" || state.mode === "bind_transceiver";
  if (!may && FAULT !== "receiver") return answer(pdu, { command_status: STATUS.RINVBNDSTS });
  if (pdu.schedule_delivery_time && FAULT !== "schedule") return answer(pdu, { command_status: STATUS.RINVSCHED });
  if (state.pending >= WINDOW) {
    if (FAULT === "throttled_arrives") accept(pdu);
    return answer(pdu, { command_status: STATUS.RTHROTTLED });
  }
  state.pending += 1;
  return setTimeout(() => {
    state.pending -= 1;
    if (FAULT === "unanswered" && seventh()) return;
    accept(pdu);
    answer(pdu, { message_id: `id-${FAULT === "same_id" ? 0 : ++nextId}` });
    if (FAULT === "answered_twice" && seventh()) answer(pdu, { message_id: "again" });
  }, ANSWER_MS);
}

function refusal(command) {
  const statuses = {
    enquire_link: 0, query_sm: STATUS.RQUERYFAIL, cancel_sm: STATUS.RCANCELFAIL, replace_sm: STATUS.RREPLACEFAIL,
  };
  return FAULT === "ok_to_all" ? 0 : statuses[command] ?? STATUS.RINVCMDID;
}

const tls = { key: readFileSync(process.env.STAND_IN_KEY), cert: readFileSync(process.env.STAND_IN_CERT) };
const plain = smpp.createServer(serve);
const secure = smpp.createServer(tls, serve);
plain.listen(0, "127.0.0.1", () => secure.listen(0, "127.0.0.1", () => {
  writeFileSync(process.env.STAND_IN_PORTS, `${plain.address().port} ${secure.address().port}\n`);
}));
