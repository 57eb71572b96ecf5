// The last checks: what had to wait for the others.

import { idleBindWasAsked } from "./checks_binds.mjs";
import { accepted, bound, newDestination } from "./gateway.mjs";
import { newToken, smsc } from "./smsc.mjs";
import { check, equal } from "./tap.mjs";

const MARKERS = 8;

check("the gateway asks an idle receiver by enquire_link and takes the answer", idleBindWasAsked);

check("at the end each accepted message has arrived exactly once, and no refused one", async () => {
  // Whatever would arrive late has had its time once these, sent last over each of the provider's binds, are there.
  const tokens = Array.from({ length: MARKERS }, newToken);
  await bound(async (session) => {
    for (const short_message of tokens) await accepted(session, newDestination(), { short_message });
  });
  for (const token of tokens) await smsc.awaitParts(token);
  equal(smsc.wrongAmong(), [], "tokens that arrived a wrong number of times");
});
