// The types that json-schema-to-typescript makes of the socket's schema: a frame is known by its `type`, news by `kind`,
// and the compiler has to agree.
import type { ClientFrame, ServerFrame } from "./generated/socket.js";
import { same } from "./support.js";

function told(frame: ServerFrame): string {
  switch (frame.type) {
    case "event":
      return frame.kind === "message.created" ? `${frame.seq}: ${frame.data.body ?? ""}` : frame.kind;
    case "user_event":
    case "ephemeral":
      return frame.kind;
    case "error":
      return frame.code;
    default:
      return frame.type;
  }
}

const start: ClientFrame = { op: "start", id: 1, cursors: { "1": 7 }, live: ["1"] };
const answer: ServerFrame = { type: "error", id: start.id, code: "of_a_later_version", outcome: "none", retry: false };
same(told(answer), "of_a_later_version", "an error frame");
console.log(`frames: ${[start, answer].length}`);
