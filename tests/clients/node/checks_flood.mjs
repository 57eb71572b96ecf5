// Far over the window: 2,000 submits without reading. Each gets one answer, and the answer is true.

import { bound, message, newDestination, request, submit } from "./gateway.mjs";
import { newToken, smsc } from "./smsc.mjs";
import { assert, check, equal, eventually, within } from "./tap.mjs";

const ESME_RTHROTTLED = 0x58;
const SUBMITS = 2_000;
// Messages are spread over the provider's binds: so many, sent last, pass over each of them.
const MARKERS = 8;

/** Sends all with the session paused, then reads: every submit_sm_resp until each has one. */
async function flood(session, tokenOf) {
  const answers = [];
  session.on("submit_sm_resp", (pdu) => answers.push(pdu));
  session.pause();
  for (let i = 0; i < SUBMITS; i += 1) {
    const token = newToken();
    const pdu = await new Promise((sent, reject) => {
      const written = session.submit_sm(message(newDestination(), { short_message: token }), () => {}, sent);
      if (!written) reject(new Error("the session is closed"));
    });
    tokenOf.set(pdu.sequence_number, token);
  }
  session.resume();
  await eventually(() => answers.length >= SUBMITS, "one answer for each submit");
  return answers;
}

function checkAnswers(answers, tokenOf) {
  const numeric = (a, b) => a - b;
  equal(answers.map((pdu) => pdu.sequence_number).sort(numeric), [...tokenOf.keys()].sort(numeric), "sequence numbers");
  const statuses = new Set(answers.map((pdu) => pdu.command_status));
  assert([...statuses].every((status) => [0, ESME_RTHROTTLED].includes(status)), `statuses ${[...statuses]}`);
  assert(statuses.has(0), "every submit was throttled");
  const ids = answers.filter((pdu) => pdu.command_status === 0).map((pdu) => pdu.message_id);
  equal(new Set(ids).size, ids.length, "different ids");
}

/** The rate recovers: submits are accepted again on the same bind. */
async function servesAgain(session) {
  for (let i = 0; i < MARKERS; i += 1) {
    await eventually(() => submitMarker(session), "an accepted submit after the flood", 5_000);
  }
}

async function submitMarker(session) {
  const token = newToken();
  const { command_status } = await submit(session, newDestination(), { short_message: token });
  smsc.expected.set(token, command_status === 0 ? 1 : 0);
  return command_status === 0;
}

check("2,000 submits without reading: one answer each, OK arrives once, ESME_RTHROTTLED does not arrive", async () => {
  const tokenOf = new Map();
  let answers;
  await bound(async (session) => {
    answers = await within(flood(session, tokenOf), "the flood");
    // What is still in the stream comes before this response, and is among the answers.
    await request(session, "enquire_link");
    checkAnswers(answers, tokenOf);
    await servesAgain(session);
  });
  const expected = new Map(answers
    .filter((pdu) => tokenOf.has(pdu.sequence_number))
    .map((pdu) => [tokenOf.get(pdu.sequence_number), pdu.command_status === 0 ? 1 : 0]));
  expected.forEach((wanted, token) => smsc.expected.set(token, wanted));
  await eventually(() => smsc.missingAmong(expected).length === 0, "all accepted messages at the provider");
  equal(smsc.wrongAmong(expected), [], "tokens that arrived a wrong number of times");
});
