// The types of openapi-typescript under openapi-fetch: shorter than conformance.ts, because what it shows is that the
// types fit.
import createClient from "openapi-fetch";
import { check, counted, finish, inventedCode, password, picture, same, server, stub } from "./support.js";
import type { components, paths } from "./generated/openapi-typescript.js";

type Problem = components["schemas"]["Problem"];

function code(problem: Problem | undefined): string {
  if (problem === undefined) throw new Error("it was not refused");
  return problem.code;
}

function got<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) throw new Error(`refused: ${answer.error?.code}`);
  return answer.data;
}

const open = createClient<paths>({ baseUrl: server, fetch: counted });
const body = { handle: "fetch_ada", password, refresh: "body" } as const;
const signed = got(await open.POST("/api/v1/accounts", { body }));
check("access_token" in signed, "registration is open");
const headers = { Authorization: `Bearer ${signed.access_token}` };
const api = createClient<paths>({ baseUrl: server, fetch: counted, headers });

const room = got(await api.POST("/api/v1/rooms", { body: { name: "fetch" } }));
const path = { conversation: room.id, cid: "first-message" };
const send = () =>
  api.PUT("/api/v1/conversations/{conversation}/messages/by-cid/{cid}", {
    params: { path },
    body: { body: "See you at six" },
  });
const [first, again] = [got(await send()), got(await send())];
same([again.seq, again.duplicate], [first.seq, true], "sending twice");

const log = await api.GET("/api/v1/conversations/{conversation}/events", {
  params: { path: { conversation: room.id }, query: { after: 0, limit: 10 } },
});
const texts = got(log).items.map((event) => (event.kind === "message.created" ? event.data.body : undefined));
check(texts.includes("See you at six"), "the log has the message");

const upload = await api.PUT("/api/v1/account/avatar", {
  body: new Blob([picture]) as unknown as string,
  bodySerializer: (blob) => blob,
  headers: { "Content-Type": "image/png" },
});
const { avatar } = got(upload);
check(avatar !== undefined, "there is a picture now");
const shown = await api.GET("/api/v1/avatars/{avatar}/{size}", {
  params: { path: { avatar, size: 64 } },
  parseAs: "arrayBuffer",
});
check(got(shown).byteLength > 100, "the picture is a picture");

const other = createClient<paths>({ baseUrl: stub, fetch: counted, headers });
same(code((await other.GET("/api/v1/friends")).error), inventedCode, "a code of a later version");
same((await api.DELETE("/api/v1/sessions/current")).response.status, 204, "logging out");
same(code((await api.GET("/api/v1/account")).error), "unauthenticated", "after logging out");
finish();
