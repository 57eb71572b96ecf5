// What the simulated provider received: reads SMSC_RECORD and finds messages by the token in their octets.

import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readSync } from "node:fs";

import { assert, equal, eventually } from "./tap.mjs";

const TOKEN = /KT[0-9A-F]{12}Z/g;
const UDH_INDICATOR = 0x40;
const CHUNK = 1 << 20;

/** A token of 15 characters whose octets are the same in GSM 03.38, Latin-1 and IA5. */
export const newToken = () => `KT${randomBytes(6).toString("hex").toUpperCase()}Z`;

const octetsOf = (hex) => Buffer.from(hex ?? "", "hex");

/** {reference, udh, content} of octets that start with a user data header (3GPP TS 23.040, 9.2.3.24). */
function takeHeaderApart(octets) {
  const end = 1 + octets[0];
  assert(end <= octets.length, `user data header of ${octets[0]} octets in ${octets.length}`);
  let reference = null;
  const others = [];
  for (let at = 1; at < end; at += 2 + octets[at + 1]) {
    const value = octets.subarray(at + 2, at + 2 + octets[at + 1]);
    assert(at + 2 + value.length <= end, "element beyond the user data header");
    const [total, index] = value.subarray(-2);
    if (octets[at] === 0x00) reference = { way: "udh8", number: value[0], total, index };
    else if (octets[at] === 0x08) reference = { way: "udh16", number: value.readUInt16BE(0), total, index };
    else others.push(octets.subarray(at, at + 2 + value.length));
  }
  return { reference, udh: Buffer.concat(others), content: octets.subarray(end) };
}

/** One submit_sm at the provider, its user data header taken apart. */
function arrived(record) {
  const payload = octetsOf(record.payload_hex);
  const octets = payload.length ? payload : octetsOf(record.short_message_hex);
  const part = record.esm_class & UDH_INDICATOR
    ? takeHeaderApart(octets)
    : { reference: null, udh: Buffer.alloc(0), content: octets };
  if (record.sar) {
    assert(part.reference === null, "both a UDH reference and sar TLVs");
    part.reference = { way: "sar", number: record.sar.reference, total: record.sar.total, index: record.sar.index };
  }
  return {
    ...part,
    bind: record.bind,
    source: record.source.addr,
    destination: record.destination.addr,
    dataCoding: record.data_coding,
  };
}

/** Follows the record file; remembers what was expected, for the last check. */
class Smsc {
  #path = process.env.SMSC_RECORD;
  #offset = 0;
  #rest = Buffer.alloc(0);
  #byToken = new Map();
  expected = new Map();

  /** Reads what was appended since the last look. */
  refresh() {
    if (!existsSync(this.#path)) return;
    const file = openSync(this.#path, "r");
    const chunk = Buffer.alloc(CHUNK);
    for (let read; (read = readSync(file, chunk, 0, CHUNK, this.#offset)) > 0; this.#offset += read) {
      this.#rest = Buffer.concat([this.#rest, chunk.subarray(0, read)]);
    }
    closeSync(file);
    const end = this.#rest.lastIndexOf(0x0a) + 1;
    const whole = this.#rest.subarray(0, end).toString("utf8");
    this.#rest = this.#rest.subarray(end);
    for (const line of whole.split("\n").filter(Boolean)) this.#remember(JSON.parse(line));
  }

  #remember(record) {
    const text = Buffer.concat([octetsOf(record.payload_hex), octetsOf(record.short_message_hex)]).toString("latin1");
    // A token in UCS-2 is the same with a NUL before each character.
    const tokens = new Set([...(text.match(TOKEN) ?? []), ...(text.replaceAll("\0", "").match(TOKEN) ?? [])]);
    for (const token of tokens) this.#byToken.set(token, [...(this.#byToken.get(token) ?? []), record]);
  }

  /** How many PDUs with this token arrived so far. */
  count(token) {
    this.refresh();
    return this.#byToken.get(token)?.length ?? 0;
  }

  /** The `count` PDUs that carry the token, in the order of their arrival. */
  async awaitParts(token, count = 1) {
    this.expected.set(token, count);
    await eventually(() => this.count(token) >= count, `${count} part(s) of ${token} at the provider`);
    equal(this.count(token), count, "PDUs at the provider");
    return this.#byToken.get(token).map(arrived);
  }

  /** The one PDU that carries the token, or all the parts that its reference announces. */
  async awaitWhole(token) {
    await eventually(() => this.count(token), `${token} at the provider`);
    const first = arrived(this.#byToken.get(token)[0]);
    return this.awaitParts(token, first.reference?.total ?? 1);
  }

  /** [token, times] of those that did not arrive exactly as often as expected, up to now. */
  wrongAmong(expected = this.expected) {
    this.refresh();
    const times = (token) => this.#byToken.get(token)?.length ?? 0;
    return [...expected].filter(([token, wanted]) => times(token) !== wanted).map(([token]) => [token, times(token)]);
  }

  /** Tokens that were to arrive and have not. */
  missingAmong(expected) {
    this.refresh();
    return [...expected].filter(([token, wanted]) => wanted && !this.#byToken.has(token)).map(([token]) => token);
  }
}

export const smsc = new Smsc();
