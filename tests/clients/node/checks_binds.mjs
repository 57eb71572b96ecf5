// Binds: each mode, TLS, wrong credentials, reconnect, limit, enquire_link both ways, unbind.

import { BINDS_MAX, ENQUIRE_LINK_SECONDS, accepted, bind, bound, connected, newDestination, request } from "./gateway.mjs";
import { newToken, smsc } from "./smsc.mjs";
import { assert, check, equal, eventually } from "./tap.mjs";

const ESME_RINVPASWD = 0x0e;
const TOO_MANY = [0x05, 0x0d]; // ESME_RALYBND, ESME_RBINDFAIL
const CUT_MS = 5_000;

/** A receiver that says nothing while the other checks run: the gateway must ask whether it is alive. */
let idle;

/** Before the first check, so that its waiting overlaps with them. */
export async function startIdleBind() {
  idle = connected().then(async (session) => {
    equal((await bind(session, "receiver")).command_status, 0, "status");
    return session;
  });
  idle.catch(() => {}); // reported by the check that awaits it
}

export async function idleBindWasAsked() {
  const session = await idle;
  await eventually(() => session.asked > 0, "enquire_link by the gateway", 1000 * (ENQUIRE_LINK_SECONDS + 10));
  equal((await request(session, "enquire_link")).command, "enquire_link_resp", "response after the gateway's own");
  session.destroy();
}

for (const mode of ["transmitter", "receiver", "transceiver"]) {
  check(`binds as a ${mode}, and unbinds`, () =>
    bound(async (_session, response) => assert(response.system_id, "no system_id in the response"), { mode }));
}

async function statusOfBind(credentials) {
  const session = await connected();
  try {
    return (await bind(session, "transceiver", credentials)).command_status;
  } finally {
    session.destroy();
  }
}

check("a wrong password is refused with ESME_RINVPASWD", async () => {
  equal(await statusOfBind({ password: "wrong" }), ESME_RINVPASWD, "status");
});

check("an unknown system id is refused as a wrong password is, so that ids cannot be probed", async () => {
  equal(await statusOfBind({ system_id: "nobody" }), ESME_RINVPASWD, "status");
});

check("the right password is accepted after wrong ones", () => bound(async () => {}));

check("binds over TLS, certificate and name verified, and a message arrives", async () => {
  const token = newToken();
  await bound((session) => accepted(session, newDestination(), { short_message: token }), { tls: true });
  equal((await smsc.awaitParts(token))[0].content, Buffer.from(token), "octets");
});

/** Binds a new session; null when too many are bound. */
async function tryBind() {
  const session = await connected();
  const { command_status } = await bind(session, "transceiver");
  if (command_status === 0) return session;
  session.destroy();
  assert(TOO_MANY.includes(command_status), `status ${command_status}`);
  return null;
}

check("a connection that is cut is forgotten: six reconnects within the limit of binds", async () => {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    // The gateway sees the cut at its next read: until then the old bind may still count.
    (await eventually(tryBind, "bind after a cut", CUT_MS)).destroy();
  }
});

check("one bind more than agreed is refused, and taken as soon as another has gone", async () => {
  const sessions = [];
  try {
    // The idle bind holds one.
    while (sessions.length < BINDS_MAX - 1) sessions.push(await eventually(tryBind, "bind within the limit", CUT_MS));
    equal(await tryBind(), null, "one more");
    equal((await request(sessions[0], "unbind")).command, "unbind_resp", "response");
    sessions.push(await eventually(tryBind, "bind after another's unbind", CUT_MS));
    // Not just cut: a cut is seen a moment later, and until then the bind counts for the next check.
    for (const session of sessions.slice(1)) equal((await request(session, "unbind")).command, "unbind_resp", "response");
  } finally {
    sessions.forEach((session) => session.destroy());
  }
});

check("enquire_link is answered", () =>
  bound(async (session) => equal((await request(session, "enquire_link")).command, "enquire_link_resp", "response")));
