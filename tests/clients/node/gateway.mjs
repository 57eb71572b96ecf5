// The gateway as a customer with npm smpp sees it: settings from the environment, binds, one request and its response.

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { assert, equal, within } from "./tap.mjs";

// Installed by tools/clients-install into CLIENTS_DIR; without it, by `npm ci` beside this file.
const base = process.env.CLIENTS_DIR ? join(process.env.CLIENTS_DIR, "node", "package.json") : import.meta.url;
export const smpp = createRequire(base)("smpp");

const required = (name) => {
  assert(process.env[name], `environment variable ${name} is not set`);
  return process.env[name];
};

const HOST = required("SMPP_HOST");
const PORT = Number(required("SMPP_PORT"));
const TLS_PORT = Number(required("SMPP_TLS_PORT"));
const CA = readFileSync(required("SMPP_CA"));
export const SYSTEM_ID = required("SMPP_SYSTEM_ID");
export const PASSWORD = required("SMPP_PASSWORD");
export const SOURCE = process.env.SMPP_SOURCE ?? "447700900000";
export const ENQUIRE_LINK_SECONDS = Number(process.env.SMPP_ENQUIRE_LINK_SECONDS ?? 30);
export const BINDS_MAX = Number(process.env.SMPP_BINDS_MAX ?? 4);
const PREFIX = process.env.SMPP_DESTINATION_PREFIX ?? "4477009";

let number = randomInt(100_000);

/** A number that no other message of this run goes to. */
export const newDestination = () => `${PREFIX}${String((number += 1) % 100_000).padStart(5, "0")}`;

/** An open session, not bound. Answers the gateway's enquire_link and counts them. */
export async function connected({ tls = false } = {}) {
  const session = smpp.connect({ host: HOST, port: tls ? TLS_PORT : PORT, tls, ca: CA });
  session.asked = 0;
  session.ended = new Promise((resolve) => session.once("close", resolve));
  session.failed = new Promise((_resolve, reject) => session.on("error", reject));
  session.failed.catch(() => {}); // each request races with it
  session.on("enquire_link", (pdu) => {
    session.send(pdu.response());
    session.asked += 1;
  });
  const open = new Promise((resolve) => session.once(tls ? "secureConnect" : "connect", resolve));
  await within(Promise.race([open, session.failed]), "connection");
  return session;
}

/** Sends a PDU by the library's own method; its response, of any status. */
export function request(session, command, fields = {}) {
  const answered = new Promise((resolve, reject) => {
    if (!session[command](fields, resolve)) reject(new Error(`${command} could not be sent`));
  });
  const gone = session.ended.then(() => { throw new Error(`closed before the response to ${command}`); });
  return within(Promise.race([answered, session.failed, gone]), `response to ${command}`);
}

export const bind = (session, mode, credentials = {}) =>
  request(session, `bind_${mode}`, { system_id: SYSTEM_ID, password: PASSWORD, ...credentials });

/** Runs `body` with a bound session, which is unbound and closed at the end, whatever happens between. */
export async function bound(body, { mode = "transceiver", tls = false } = {}) {
  const session = await connected({ tls });
  try {
    const response = await bind(session, mode);
    equal([response.command, response.command_status], [`bind_${mode}_resp`, 0], "response");
    await body(session, response);
    equal((await request(session, "unbind")).command, "unbind_resp", "response");
  } finally {
    session.destroy();
  }
}

/** Fields of a message with the usual addresses. */
export const message = (destination, fields) => ({
  source_addr_ton: 1,
  source_addr_npi: 1,
  source_addr: SOURCE,
  dest_addr_ton: 1,
  dest_addr_npi: 1,
  destination_addr: destination,
  data_coding: 0,
  ...fields,
});

export const submit = (session, destination, fields) => request(session, "submit_sm", message(destination, fields));

/** A submit that must be accepted; its id. */
export async function accepted(session, destination, fields) {
  const response = await submit(session, destination, fields);
  equal([response.command, response.command_status], ["submit_sm_resp", 0], "response");
  assert(response.message_id, "no message id in the response");
  return response.message_id;
}
