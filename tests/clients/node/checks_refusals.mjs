// What the gateway refuses, each with the status that the specification names (SMPP 3.4, section 5.1.3).

import { SOURCE, accepted, bound, connected, message, newDestination, request, smpp, submit } from "./gateway.mjs";
import { newToken, smsc } from "./smsc.mjs";
import { check, equal } from "./tap.mjs";

const STATUS = {
  ESME_RINVCMDID: 0x03, ESME_RINVBNDSTS: 0x04, ESME_RCANCELFAIL: 0x11, ESME_RREPLACEFAIL: 0x13, ESME_RINVSCHED: 0x61,
  ESME_RQUERYFAIL: 0x67,
};
const NEVER_GIVEN = "00000000-0000-0000-0000-000000000000";
const DAY_MS = 86_400_000;

smpp.addCommand("unknown_to_all", { id: 0x0000000a, params: {} });

/** The response has this command and status, and the session goes on. */
async function refuses(session, command, fields, status, answer = `${command}_resp`) {
  const response = await request(session, command, fields);
  equal([response.command, response.command_status], [answer, STATUS[status]], "command and status");
  equal((await request(session, "enquire_link")).command, "enquire_link_resp", "response after the refusal");
}

/** A submit whose message must not arrive. */
function refusedSubmit(extra = {}) {
  const token = newToken();
  smsc.expected.set(token, 0);
  return message(newDestination(), { short_message: token, ...extra });
}

check("a submit on a receiver is refused with ESME_RINVBNDSTS, and does not arrive", () =>
  bound((session) => refuses(session, "submit_sm", refusedSubmit(), "ESME_RINVBNDSTS"), { mode: "receiver" }));

check("a submit before the bind is refused with ESME_RINVBNDSTS, and does not arrive", async () => {
  const session = await connected();
  const response = await request(session, "submit_sm", refusedSubmit());
  equal([response.command, response.command_status], ["submit_sm_resp", STATUS.ESME_RINVBNDSTS], "response");
  session.destroy();
});

const source = { source_addr_ton: 1, source_addr_npi: 1, source_addr: SOURCE };

check("query_sm of an unknown id is refused with ESME_RQUERYFAIL", () =>
  bound((session) => refuses(session, "query_sm", { ...source, message_id: NEVER_GIVEN }, "ESME_RQUERYFAIL")));

for (const [command, status] of [["cancel_sm", "ESME_RCANCELFAIL"], ["replace_sm", "ESME_RREPLACEFAIL"]]) {
  check(`${command} of a message that has left is refused with ${status}`, () =>
    bound(async (session) => {
      const [token, destination] = [newToken(), newDestination()];
      const message_id = await accepted(session, destination, { short_message: token });
      await smsc.awaitParts(token);
      const fields = command === "cancel_sm" ? message(destination, {}) : { ...source, short_message: Buffer.from(token) };
      await refuses(session, command, { ...fields, message_id }, status);
    }));
}

const schedules = { "in the past": new Date(Date.now() - DAY_MS), "beyond thirty days": "000031000000000R" };
for (const [kind, schedule_delivery_time] of Object.entries(schedules)) {
  check(`a schedule_delivery_time that is ${kind} is refused with ESME_RINVSCHED, and does not arrive`, () =>
    bound((session) => refuses(session, "submit_sm", refusedSubmit({ schedule_delivery_time }), "ESME_RINVSCHED")));
}

check("an unknown command is answered by generic_nack with ESME_RINVCMDID", () =>
  bound((session) => refuses(session, "unknown_to_all", {}, "ESME_RINVCMDID", "generic_nack")));

check("the session serves on after a refusal: a submit after it arrives", async () => {
  const token = newToken();
  await bound(async (session) => {
    await refuses(session, "query_sm", { ...source, message_id: NEVER_GIVEN }, "ESME_RQUERYFAIL");
    equal((await submit(session, newDestination(), { short_message: token })).command_status, 0, "status");
  });
  await smsc.awaitParts(token);
});
