// A provider with smpp (npm) as its server: takes what it is sent, sends a receipt, and the text back as a
// handset's message to NUMBER. It says "ready" when it listens. Usage: provider.mjs PORT NUMBER.

import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

const smpp = createRequire(join(process.env.CLIENTS_DIR, "node", "package.json"))("smpp");
const [port, number] = process.argv.slice(2);
const [SYSTEM_ID, PASSWORD] = ["gateway", "secret"];
const RECEIPT = 0x04;

const two = (value) => String(value).padStart(2, "0");
/** YYMMDDhhmm, UTC. */
function date(at) {
  const fields = [at.getUTCFullYear() % 100, at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes()];
  return fields.map(two).join("");
}

/** What the provider says of it, as many do: text and no TLVs. */
function receipt(pdu, id) {
  const at = date(new Date());
  const text = `id:${id} sub:001 dlvrd:001 submit date:${at} done date:${at} stat:DELIVRD err:000 text:`;
  return { ...turned(pdu, pdu.source_addr), esm_class: RECEIPT, short_message: text };
}

/** From whom it was for. */
const turned = (pdu, destination) => ({
  source_addr_ton: 1,
  source_addr_npi: 1,
  source_addr: pdu.destination_addr,
  destination_addr: destination,
});

const server = smpp.createServer((session) => {
  const refused = (pdu) => {
    if (pdu.command_status !== 0) console.log(`a delivery was refused with ${pdu.command_status}`);
  };
  session.on("error", (error) => console.log(`error: ${error.message}`));
  session.on("bind_transceiver", (pdu) => {
    const welcome = pdu.system_id === SYSTEM_ID && pdu.password === PASSWORD;
    session.send(pdu.response({ system_id: "npm-smpp", command_status: welcome ? 0 : smpp.ESME_RINVPASWD }));
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response(), () => session.close()));
  session.on("submit_sm", (pdu) => {
    const id = randomBytes(8).toString("hex");
    session.send(pdu.response({ message_id: id }));
    if (pdu.registered_delivery & 1) session.deliver_sm(receipt(pdu, id), refused);
    session.deliver_sm({ ...turned(pdu, number), short_message: pdu.short_message.message }, refused);
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
