// An independent opinion on segmentation: reads texts as JSON lines ({"text": …} or a bare string) on stdin and prints
// for each, in the same order, what npm sms-segments-calculator (unmodified) says:
//
//   {"encoding": "GSM-7" | "UCS-2", "segments": n, "units": n, "segments_by_scalar": n, "lengths": [n, …]}
//
// `segments` is the library's public answer. It keeps grapheme clusters whole, which no standard asks for, so it may
// differ for texts with combining marks, joined emoji or flags. `segments_by_scalar` and `lengths` (septets or UTF-16
// units of each segment, without its user data header) come from the library's same packing over Unicode scalars: cut
// anywhere but within an escape or a surrogate pair. tests/clients/corpus/README.md has the cases and the evidence.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const base = process.env.CLIENTS_DIR ? join(process.env.CLIENTS_DIR, "node", "package.json") : import.meta.url;
const { SegmentedMessage } = createRequire(base)("sms-segments-calculator");

const unitsOf = (characters) => characters.reduce((sum, character) => sum + (character.codeUnits?.length ?? 0), 0);

function opinion(text) {
  // Smart encoding (letters replaced by look-alikes) is off: a gateway does not change a customer's text.
  const message = new SegmentedMessage(text, "auto", false);
  const scalars = message._buildSegments(message._encodeChars([...text]));
  return {
    encoding: message.encodingName,
    segments: message.segmentsCount,
    units: unitsOf(message.encodedChars),
    segments_by_scalar: scalars.length,
    lengths: scalars.map((segment) => unitsOf([...segment])),
  };
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (line === "") continue;
  const value = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(opinion(typeof value === "string" ? value : value.text))}\n`);
}
