// Receiving with smpp (npm): receipts and handsets' messages, in TAP. Environment: see tests/clients/README.md.

import { randomInt } from "node:crypto";

import { accepted, bind, bound, connected, newDestination } from "./gateway.mjs";
import { newToken } from "./smsc.mjs";
import { assert, check, equal, eventually, run } from "./tap.mjs";

const NUMBER = process.env.SMPP_NUMBER ?? "72000";
const CONTROL = `http://${process.env.SMSC_CONTROL}`;
const ESME_RMSGQFUL = 0x14;
const FINAL = 0x0b;
const RECEIPT = 0x04;
const SILENCE_MS = 2_500; // a delivery that is to come again comes after one second

let nextRun = randomInt(1 << 24);

async function control(path, body) {
  const answer = await fetch(CONTROL + path, { method: body ? "POST" : "GET", body: body && JSON.stringify(body) });
  assert(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
}

/** How the provider sends receipts from now on. */
const receipts = (settings = {}) => control("/settings", { receipts: settings });

/** Messages from handsets to our number; their texts begin with the token. */
function handsetWrites(token, { count = 1, parts = 1 } = {}) {
  const flood = { count, parts, run: (nextRun += 1), keyword: token, destinations: [NUMBER], text_octets: 70 };
  return control("/messages", flood);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What comes over some sessions, and how it is answered. */
class Inbox {
  came = [];
  answers = [];

  constructor(...sessions) {
    for (const session of sessions) {
      session.on("deliver_sm", (pdu) => {
        this.came.push({ session, pdu });
        session.send(pdu.response({ command_status: this.answers.shift() ?? 0 }));
      });
    }
  }

  found = (what) => this.came.map(({ pdu }) => pdu).filter(what);

  /** Exactly so many, once they are there. */
  async awaited(what, count, name) {
    await eventually(() => this.found(what).length >= count, `${count} x ${name}`);
    equal(this.found(what).length, count, name);
    return this.found(what);
  }

  /** Nothing further comes for a while. */
  async nothingMore(what, count, name) {
    await pause(SILENCE_MS);
    equal(this.found(what).length, count, `${name}, after all had come`);
  }
}

const receiptOf = (id) => (pdu) => (pdu.esm_class & 0x3c) === RECEIPT && pdu.receipted_message_id === id;
const textOf = (pdu) => String(pdu.short_message?.message ?? "");
const textWith = (token) => (pdu) => textOf(pdu).includes(token);

/** The text says what the TLVs say, and comes from whom the message went to. */
function isReceipt(pdu, id, destination, stat = "DELIVRD", error = "000", state = 2) {
  equal([pdu.source_addr, pdu.esm_class], [destination, RECEIPT], "source and esm_class");
  const words = Object.fromEntries(textOf(pdu).split(/\s+/).map((word) => word.split(":", 2)));
  equal([words.id, words.stat, words.err], [id, stat, error], "id, stat and err");
  equal(pdu.message_state, state, "message_state");
}

async function submitted(session, registered_delivery) {
  const destination = newDestination();
  const id = await accepted(session, destination, { short_message: "Hello", registered_delivery });
  return { id, destination };
}

check("a transceiver gets the receipt of its message, text and TLVs alike, once", () =>
  bound(async (session) => {
    const inbox = new Inbox(session);
    const { id, destination } = await submitted(session, 1);
    isReceipt((await inbox.awaited(receiptOf(id), 1, "receipt"))[0], id, destination);
    await inbox.nothingMore(receiptOf(id), 1, "receipts");
  }));

check("a receiver gets the receipt of what a transmitter sent, and its reason", () =>
  bound(async (receiver) => {
    const inbox = new Inbox(receiver);
    await receipts({ states: [{ state: "undeliverable", error: 27, probability: 1 }] });
    try {
      await bound(async (transmitter) => {
        const { id, destination } = await submitted(transmitter, 1);
        const [receipt] = await inbox.awaited(receiptOf(id), 1, "receipt");
        isReceipt(receipt, id, destination, "UNDELIV", "027", 5);
      }, { mode: "transmitter" });
    } finally {
      await receipts();
    }
  }, { mode: "receiver" }));

check("who asks for failures only hears nothing of a delivery, and who asks for nothing neither", () =>
  bound(async (session) => {
    const inbox = new Inbox(session);
    for (const asked of [0, 2]) {
      const { id } = await submitted(session, asked);
      await inbox.nothingMore(receiptOf(id), 0, "receipts");
    }
  }));

check("a receiver gets what a handset wrote", () =>
  bound(async (session) => {
    const [inbox, token] = [new Inbox(session), newToken()];
    await handsetWrites(token);
    const [message] = await inbox.awaited(textWith(token), 1, "message");
    equal([message.destination_addr, message.esm_class], [NUMBER, 0], "destination and esm_class");
    assert(message.source_addr.startsWith("491700"), `from ${message.source_addr}`);
  }, { mode: "receiver" }));

check("a transceiver gets a handset's long message in parts, in their order", () =>
  bound(async (session) => {
    const [inbox, token] = [new Inbox(session), newToken()];
    await handsetWrites(token, { parts: 3 });
    const parts = await inbox.awaited((pdu) => pdu.esm_class & 0x40, 3, "parts");
    assert(textWith(token)(parts[0]), "the keyword is in the first part");
    const headers = parts.map((part) => [...part.short_message.udh[0]]);
    const reference = headers[0][2];
    equal(headers, [1, 2, 3].map((index) => [0x00, 3, reference, 3, index]), "headers of one reference");
  }));

check("what came while nobody was bound is there at the next bind: receipts and messages, each once", async () => {
  const [ids, token] = [[], newToken()];
  await receipts({ delay: { fixed: { ms: 1_000 } } });
  try {
    await bound(async (session) => {
      for (let i = 0; i < 5; i += 1) ids.push((await submitted(session, 1)).id);
    });
  } finally {
    await receipts();
  }
  await handsetWrites(token, { count: 5 });
  // The provider was answered OK: all of it waits for us now.
  const taken = async () => {
    const last = (await control("/messages")).at(-1);
    return last.parts.flatMap((part) => part.ok).reduce((sum, { from, to }) => sum + to - from + 1, 0) >= 5;
  };
  await eventually(taken, "messages taken from the provider");
  await pause(2_000);
  await bound(async (session) => {
    const inbox = new Inbox(session);
    await inbox.awaited(textWith(token), 5, "messages");
    for (const id of ids) await inbox.awaited(receiptOf(id), 1, "receipt");
    await inbox.nothingMore(() => true, 10, "deliveries");
  }, { mode: "receiver" });
});

check("two binds of one customer share what comes: each message over one of them, both have some", () =>
  bound((one) => bound(async (two) => {
    const [inbox, token] = [new Inbox(one, two), newToken()];
    await handsetWrites(token, { count: 40 });
    await inbox.awaited(textWith(token), 40, "messages");
    await inbox.nothingMore(textWith(token), 40, "messages");
    const counts = [one, two].map((which) => inbox.came.filter(({ session }) => session === which).length);
    assert(Math.min(...counts) > 0, `${counts} over the two`);
  }, { mode: "receiver" })));

check("what is refused with ESME_RMSGQFUL comes again, until it is taken", () =>
  bound(async (session) => {
    const [inbox, token] = [new Inbox(session), newToken()];
    inbox.answers = [ESME_RMSGQFUL, ESME_RMSGQFUL];
    await handsetWrites(token);
    const texts = (await inbox.awaited(textWith(token), 3, "times")).map(textOf);
    equal(new Set(texts).size, 1, "texts");
    await inbox.nothingMore(textWith(token), 3, "times");
  }, { mode: "receiver" }));

check("what is refused for good does not come again, nor at the next bind", async () => {
  const token = newToken();
  await bound(async (session) => {
    const inbox = new Inbox(session);
    inbox.answers = [FINAL];
    await handsetWrites(token);
    await inbox.awaited(textWith(token), 1, "times");
    await inbox.nothingMore(textWith(token), 1, "times");
  }, { mode: "receiver" });
  await bound((session) => new Inbox(session).nothingMore(textWith(token), 0, "times"), { mode: "receiver" });
});

check("a session that is cut without an answer gets it again over the next one", async () => {
  const token = newToken();
  const session = await connected();
  equal((await bind(session, "receiver")).command_status, 0, "status");
  const came = new Promise((resolve) => session.once("deliver_sm", resolve));
  await handsetWrites(token);
  const first = await came;
  session.destroy();
  await bound(async (next) => {
    const inbox = new Inbox(next);
    const [again] = await inbox.awaited(textWith(token), 1, "times");
    equal(textOf(again), textOf(first), "text");
  }, { mode: "receiver" });
});

process.exit(await run());
