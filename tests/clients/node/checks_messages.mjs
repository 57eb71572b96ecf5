// Messages that must arrive: every coding, every way of a long message, each octet as it was sent and exactly once.

import { SOURCE, accepted, bound, message, newDestination, request } from "./gateway.mjs";
import { newToken, smsc } from "./smsc.mjs";
import { assert, check, equal } from "./tap.mjs";

const [GSM, IA5, LATIN_1, BINARY, UCS_2] = [0, 1, 3, 4, 8];
const PORTS = Buffer.from([0x05, 0x04, 0x3e, 0x81, 0x3e, 0x80]); // application ports 16001, 16000 (23.040, 9.2.3.24.4)
const EXTENSION = {
  "\f": 0x0a, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2f, "[": 0x3c, "~": 0x3d, "]": 0x3e, "|": 0x40, "€": 0x65,
};

const utf16be = (text) => Buffer.from(text, "utf16le").swap16();

/** Submits one part by the library's own encoding and awaits exactly these octets. */
async function onePart(short_message, content, token, { sent, found, ...fields }) {
  const destination = newDestination();
  await bound((session) => accepted(session, destination, { data_coding: sent, short_message, ...fields }));
  const [part] = await smsc.awaitParts(token);
  equal(part.content, content, "octets");
  assert([found ?? sent].flat().includes(part.dataCoding), `data_coding ${part.dataCoding}`);
  equal([part.destination, part.source], [destination, SOURCE], "addresses");
  return part;
}

check("a short text arrives", async () => {
  const token = newToken();
  const text = `${token} Hello, world. 0123456789`;
  await onePart(text, Buffer.from(text), token, { sent: GSM });
});

check("a short text in the coding that the library chooses by itself (IA5) arrives", async () => {
  const token = newToken();
  const text = `${token} Hello`;
  // The same octets in both codings, so either label is right at the provider.
  await onePart(text, Buffer.from(text), token, { sent: null, found: [GSM, IA5] });
});

check("GSM extension characters arrive", async () => {
  const token = newToken();
  const characters = Object.keys(EXTENSION).join("");
  const octets = Object.values(EXTENSION).flatMap((code) => [0x1b, code]);
  await onePart(`${token}${characters}`, Buffer.from([...Buffer.from(token), ...octets]), token, { sent: GSM });
});

check("GSM letters beyond ASCII arrive", async () => {
  const token = newToken();
  const octets = [0x00, 0x01, 0x04, 0x05, 0x10, 0x1e, 0x5f, 0x60, 0x7c, 0x7f];
  await onePart(`${token}@£èéΔß§¿öà`, Buffer.from([...Buffer.from(token), ...octets]), token, { sent: GSM });
});

check("Latin-1 arrives", async () => {
  const token = newToken();
  const text = `${token} Ünïcödé ÿ ¢ ½ Ð`;
  await onePart(text, Buffer.from(text, "latin1"), token, { sent: LATIN_1 });
});

check("Unicode with emoji arrives", async () => {
  const token = newToken();
  const text = `${token} Zażółć 日本語 שלום 👋🏽 👩‍👩‍👧 🇵🇱`;
  await onePart(text, utf16be(text), token, { sent: UCS_2 });
});

check("8-bit binary arrives: 140 octets, NUL and 0xFF among them", async () => {
  const token = newToken();
  const octets = Buffer.concat([Buffer.from(token), Buffer.from(Array.from({ length: 125 }, (_, i) => (i * 7) % 256))]);
  assert(octets.includes(0) && octets.includes(0xff), "no NUL or 0xFF in it");
  await onePart(octets, octets, token, { sent: BINARY });
});

check("binary with a port in its user data header arrives with it", async () => {
  const token = newToken();
  const content = Buffer.concat([Buffer.from(token), Buffer.from([0, 1, 2, 0x1b, 0xff])]);
  const udh = Buffer.concat([Buffer.from([PORTS.length]), PORTS]);
  const part = await onePart({ udh, message: content }, content, token, { sent: BINARY });
  equal(part.udh, PORTS, "user data header");
  equal(part.reference, null, "reference");
});

/** Text with the token in every slice of 67 characters. */
const longText = (token, length) => {
  const block = (_, i) => `${token} no. ${String(i).padStart(3, "0")}. `;
  return Array.from({ length: Math.ceil(length / 25) }, block).join("").slice(0, length);
};

const slices = (text, length) =>
  Array.from({ length: Math.ceil(text.length / length) }, (_, i) => text.slice(i * length, (i + 1) * length));

const header = (width, reference, total, index) =>
  Buffer.from(width === 8 ? [5, 0, 3, reference, total, index] : [6, 8, 4, reference >> 8, reference & 0xff, total, index]);

const byUdh = (parts, width, reference, data_coding) =>
  parts.map((message, i) => {
    const udh = header(width, reference, parts.length, i + 1);
    return { data_coding, short_message: { udh, message } };
  });

/** Submits each over the next session in turn; all must be accepted under ids of their own. */
async function sendParts(sessions, destination, submits) {
  const ids = new Set();
  for (const [i, fields] of submits.entries()) ids.add(await accepted(sessions[i % sessions.length], destination, fields));
  equal(ids.size, submits.length, "number of ids");
}

/** The parts as sent, each once, in their order, under one reference, over one bind. */
async function arriveInParts(token, contents, way, coding, destination) {
  const found = await smsc.awaitParts(token, contents.length);
  const distinct = (values) => new Set(values).size;
  const ways = found.map((p) => [p.reference?.way, p.reference?.total]);
  equal(ways, contents.map(() => [way, contents.length]), "way and total");
  equal(found.map((p) => p.reference.index), contents.map((_, i) => i + 1), "order of the parts");
  equal(distinct(found.map((p) => p.reference.number)), 1, "number of references");
  equal(distinct(found.map((p) => p.bind)), 1, "number of the provider's binds");
  for (const [i, part] of found.entries()) {
    equal(part.content, contents[i], `octets of part ${i + 1}`);
    equal([part.dataCoding, part.destination], [coding, destination], "data_coding and destination");
  }
}

for (const [width, reference] of [[8, 0xab], [16, 0xbeef]]) {
  check(`a long text by user data header of ${width} bits arrives`, async () => {
    const [token, destination] = [newToken(), newDestination()];
    const parts = slices(longText(token, 400), width === 8 ? 153 : 152);
    await bound((session) => sendParts([session], destination, byUdh(parts, width, reference, GSM)));
    await arriveInParts(token, parts.map((part) => Buffer.from(part)), `udh${width}`, GSM, destination);
  });
}

check("a long Unicode text with emoji by user data header arrives", async () => {
  const [token, destination] = [newToken(), newDestination()];
  const parts = [`${longText(token, 60)}日本語 👋🏽`, longText(token, 60), `${token} שלום 🇵🇱`];
  await bound((session) => sendParts([session], destination, byUdh(parts, 8, 0x11, UCS_2)));
  await arriveInParts(token, parts.map(utf16be), "udh8", UCS_2, destination);
});

check("a long text by sar TLVs arrives, as the provider wants it (user data header)", async () => {
  const [token, destination] = [newToken(), newDestination()];
  const parts = slices(longText(token, 400), 153);
  const submits = parts.map((short_message, i) => ({
    short_message, sar_msg_ref_num: 0x4321, sar_total_segments: parts.length, sar_segment_seqnum: i + 1,
  }));
  await bound((session) => sendParts([session], destination, submits));
  // sar references have 16 bits, and what came in parts keeps the width of its reference.
  await arriveInParts(token, parts.map((part) => Buffer.from(part)), "udh16", GSM, destination);
});

check("a long text by message_payload arrives, whole or split under one reference", async () => {
  const [token, destination] = [newToken(), newDestination()];
  const text = longText(token, 400);
  await bound((session) => accepted(session, destination, { short_message: "", message_payload: text }));
  const found = await smsc.awaitWhole(token);
  equal(Buffer.concat(found.map((part) => part.content)), Buffer.from(text), "octets, joined");
  equal(found.map((part) => part.destination), found.map(() => destination), "destination");
  if (found[0].reference) equal(found.map((part) => part.reference.index), found.map((_, i) => i + 1), "order of the parts");
});

check("parts of one message over two binds, out of order, are joined under one reference", async () => {
  const [token, destination] = [newToken(), newDestination()];
  const parts = slices(longText(token, 400), 150);
  const [one, two, three] = byUdh(parts, 16, 0x0203, GSM);
  const overTwo = (first) =>
    bound((second) => sendParts([first, second], destination, [three, one, two]), { mode: "transmitter" });
  await bound(overTwo);
  await arriveInParts(token, parts.map((part) => Buffer.from(part)), "udh16", GSM, destination);
});

check("data_sm arrives", async () => {
  const [token, destination] = [newToken(), newDestination()];
  await bound(async (session) => {
    const response = await request(session, "data_sm", message(destination, { message_payload: token }));
    equal([response.command, response.command_status], ["data_sm_resp", 0], "response");
    assert(response.message_id, "no message id in the response");
  });
  const [part] = await smsc.awaitParts(token);
  equal(part.content, Buffer.from(token), "octets");
});

check("submit_multi to two destinations arrives at both", async () => {
  const [token, destinations] = [newToken(), [newDestination(), newDestination()]];
  const dest_address = destinations.map((destination_addr) => ({ dest_addr_ton: 1, dest_addr_npi: 1, destination_addr }));
  await bound(async (session) => {
    const response = await request(session, "submit_multi", message(undefined, { dest_address, short_message: token }));
    equal([response.command, response.command_status], ["submit_multi_resp", 0], "response");
    assert(response.message_id, "no message id in the response");
    equal(response.unsuccess_sme, [], "unsuccessful destinations");
  });
  const found = await smsc.awaitParts(token, 2);
  equal(found.map((part) => part.destination).sort(), destinations.sort(), "destinations");
});
