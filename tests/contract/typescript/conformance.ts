// The whole story of two people, told through the client of @hey-api/openapi-ts alone.
import { check, counted, finish, inventedCode, password, picture, same, server, stub } from "./support.js";
import { createClient, createConfig, type Client } from "./generated/hey-api/client/index.js";
import * as api from "./generated/hey-api/index.js";

type Answer<T> = { data?: T; error?: unknown; response?: Response };

/** What an operation that must succeed answers with. */
async function ok<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error } = await answer;
  if (error !== undefined || data === undefined || data === null) {
    throw new Error(`refused: ${JSON.stringify(error)}`);
  }
  return data;
}

/** The problem of an operation that must be refused, after a look at what every problem has. */
async function refused(answer: Promise<{ error?: api.Problem; response?: Response }>): Promise<api.Problem> {
  const { error, response } = await answer;
  if (error === undefined || response === undefined) throw new Error("it was not refused");
  same(error.status, response.status, "the status in a problem");
  check(error.request_id.length > 0 && error.title.length > 0, "a problem names its request and has a title");
  check(error.type.endsWith(`#${error.code}`), "the type of a problem leads to its code");
  return error;
}

/** A person with a client of their own. */
type Person = { client: Client; account: api.Account; refresh: string; token: string };

function clientOf(baseUrl: string, token?: () => string): Client {
  return createClient(createConfig({ baseUrl, fetch: counted, ...(token && { auth: token }) }));
}

async function register(handle: string): Promise<Person> {
  const signed = await ok(
    api.createAccount({ client: clientOf(server), body: { handle, password, refresh: "body" } }),
  );
  check("access_token" in signed, "registration is open");
  check(signed.refresh_token !== undefined, "the refresh token is in the body");
  const person = { account: signed.account, refresh: signed.refresh_token, token: signed.access_token };
  const whole: Person = { ...person, client: clientOf(server, () => whole.token) };
  return whole;
}

async function befriend(ada: Person, ben: Person): Promise<string> {
  const user = ben.account.id;
  const stranger = await refused(api.openDirect({ client: ada.client, path: { user } }));
  same(stranger.code, "not_friends", "writing to a stranger");
  await ok(api.createFriendRequest({ client: ada.client, body: { to: `@${ben.account.handle}` } }));
  const asked = await ok(api.listFriendRequests({ client: ben.client }));
  same(asked.incoming.map((request) => request.user.id), [ada.account.id], "who asked");
  const accepted = await ok(api.acceptFriendRequest({ client: ben.client, path: { user: ada.account.id } }));
  same(accepted.relation, "friend", "the relation");
  const friends = await ok(api.listFriends({ client: ada.client }));
  same(friends.items.map((friend) => friend.user.handle), [ben.account.handle], "friends");
  const direct = await ok(api.openDirect({ client: ada.client, path: { user } }));
  check(direct.writable && direct.kind === "direct", "friends can write to each other");
  same(direct.peer?.id, user, "the other one");
  return direct.id;
}

async function room(ada: Person, ben: Person): Promise<string> {
  const name = `tea ${ada.account.handle}`;
  const made = await ok(api.createRoom({ client: ada.client, body: { name, topic: "All about tea" } }));
  const taken = await refused(api.createRoom({ client: ben.client, body: { name } }));
  same([taken.code, taken.status], ["taken", 409], "a name that is taken");
  const found = await ok(api.listRooms({ client: ben.client, query: { search: name } }));
  same(found.items.map((one) => one.id), [made.id], "what a search finds");
  const joined = await ok(api.joinRoom({ client: ben.client, path: { room: made.id } }));
  same([joined.kind, joined.role, joined.name], ["room", "member", name], "what was joined");
  const members = await ok(api.listMembers({ client: ada.client, path: { room: made.id } }));
  same(members.items.length, 2, "members");
  return made.id;
}

async function messages(ada: Person, ben: Person, conversation: string): Promise<void> {
  const send = (cid: string, body: string, reply_to?: number) =>
    ok(
      api.sendMessage({
        client: ada.client,
        path: { conversation, cid },
        body: { body, ...(reply_to !== undefined && { reply_to }) },
      }),
    );
  const first = await send("first-message", "See you at six");
  const again = await send("first-message", "See you at six");
  same([first.duplicate, again.duplicate, again.seq], [false, true, first.seq], "sending twice");
  const other = await refused(
    api.sendMessage({ client: ada.client, path: { conversation, cid: "first-message" }, body: { body: "At seven" } }),
  );
  same(other.code, "conflict", "another text under the same name");
  const sent = [first.seq];
  for (let number = 0; number < 4; number += 1) {
    sent.push((await send(`message-${number}`, `Message ${number}`, first.seq)).seq);
  }

  const read: number[] = [];
  let before: number | undefined;
  for (let older = true; older; ) {
    const query = { limit: 2, ...(before !== undefined && { before }) };
    const page = await ok(api.listMessages({ client: ben.client, path: { conversation }, query }));
    check(page.items.length > 0 && page.items.length <= 2, "a page has up to as many items as were asked for");
    read.unshift(...page.items.map((message) => message.seq));
    before = page.items[0]?.seq;
    older = page.older;
  }
  same(read, sent, "all pages");

  const changes = { client: ada.client, path: { conversation, message: first.seq } };
  const theirs = await refused(api.editMessage({ ...changes, client: ben.client, body: { body: "No" } }));
  same(theirs.code, "forbidden", "editing what another wrote");
  await ok(api.editMessage({ ...changes, body: { body: "See you at **seven**" } }));
  const reaction = { client: ben.client, path: { conversation, message: first.seq, emoji: "👍" } };
  await ok(api.addReaction(reaction));
  const edited = await ok(api.showMessage(changes));
  same([edited.body, edited.cid], ["See you at **seven**", "first-message"], "what was edited");
  check(edited.edited_at !== undefined, "an edit has a time");
  same(edited.reactions, [{ emoji: "👍", users: [ben.account.id] }], "reactions");
  await ok(api.deleteReaction(reaction));
  await ok(api.deleteMessage(changes));
  const deleted = await ok(api.showMessage(changes));
  check(deleted.deleted_at !== undefined && deleted.body === undefined, "a deleted message has no text");
  const marker = await ok(
    api.markRead({ client: ben.client, path: { conversation }, body: { seq: sent.at(-1) ?? 0 } }),
  );
  same(marker.seq, sent.at(-1), "the marker");
  await events(ben, conversation, sent);
}

/** The log, told apart by kind: what the compiler knows of each is what is used of it. */
async function events(person: Person, conversation: string, sent: number[]): Promise<void> {
  const [created, kinds] = [new Array<number>(), new Set<string>()];
  let [after, head] = [0, 1];
  while (after < head) {
    const query = { after, limit: 3 };
    const page = await ok(api.listEvents({ client: person.client, path: { conversation }, query }));
    for (const event of page.items) {
      same(event.seq, (after += 1), "positions have no holes");
      kinds.add(event.kind);
      if (event.kind === "message.created") {
        created.push(event.seq);
        check(event.data.cid.length > 0, "a message has the name that its author gave it");
      } else if (event.kind === "message.edited") {
        same(event.data.target, sent[0], "which was edited");
      }
    }
    same(page.next_after, after, "where the next page begins");
    head = page.head;
  }
  same(created, sent, "messages in the log");
  for (const kind of ["message.edited", "message.deleted", "reaction.added", "reaction.removed"]) {
    check(kinds.has(kind), `the log has ${kind}`);
  }
}

async function avatar(ada: Person): Promise<void> {
  const bytes = async (blob: Blob) => Buffer.from(await blob.arrayBuffer());
  const body = new Blob([picture], { type: "image/png" });
  const changed = await ok(api.uploadAvatar({ client: ada.client, body }));
  check(changed.avatar !== undefined, "there is a picture now");
  const path = { avatar: changed.avatar, size: 256 };
  const shown = await bytes(await ok(api.showAvatar({ client: ada.client, path })));
  const plain = await fetch(`${server}/api/v1/avatars/${path.avatar}/${path.size}`);
  check(shown.equals(await bytes(await plain.blob())), "the picture's bytes are those that the server sends");
  check(shown.length > 100, "the picture is a picture");
  same((await ok(api.deleteAvatar({ client: ada.client }))).avatar, undefined, "the picture afterwards");
}

async function exported(ada: Person): Promise<void> {
  const wrong = await refused(api.exportAccount({ client: ada.client, body: { password: "not this one" } }));
  same(wrong.code, "bad_credentials", "a wrong password");
  const file = await ok(api.exportAccount({ client: ada.client, body: { password } }));
  const lines = (await file.text()).trim().split("\n").map((line) => JSON.parse(line) as api.ExportLine);
  same([lines[0]?.kind, lines.at(-1)?.kind], ["export", "end"], "the first and the last line");
  const account = lines.find((line) => line.kind === "account");
  same(account?.data.handle, ada.account.handle, "the account in the export");
}

async function problems(ada: Person): Promise<void> {
  const invalid = await refused(
    api.createAccount({ client: clientOf(server), body: { handle: "1", password: "short" } }),
  );
  same(invalid.code, "invalid", "a handle that is none");
  same(invalid.violations?.map((one) => one.field).sort(), ["handle", "password"], "what breaks rules");
  const unknown = await refused(api.listFriends({ client: clientOf(stub, () => ada.token) }));
  same(unknown.code, inventedCode, "a code of a later version");
  const nobody = await refused(api.showAccount({ client: clientOf(server, () => "nonsense") }));
  same([nobody.code, nobody.status], ["unauthenticated", 401], "a token that is none");
}

async function sessions(ada: Person): Promise<void> {
  const refresh = ada.refresh;
  const next = await ok(
    api.refreshSession({ client: clientOf(server), body: { refresh_token: refresh } }),
  );
  check(next.refresh_token !== undefined && next.refresh_token !== refresh, "the refresh token is a new one");
  ada.token = next.access_token;
  same((await ok(api.showAccount({ client: ada.client }))).id, ada.account.id, "who the new token is of");
  const again = { handle: ada.account.handle, password };
  await ok(api.createSession({ client: clientOf(server), body: again }));
  same((await ok(api.listSessions({ client: ada.client }))).items.length, 2, "sessions");
  const left = await api.deleteCurrentSession({ client: ada.client });
  same(left.response?.status, 204, "logging out");
  same((await refused(api.showAccount({ client: ada.client }))).status, 401, "after logging out");
}

const info = await ok(api.showServer({ client: clientOf(server) }));
check(info.registration_open && info.limits.message_length > 0, "the server says what it takes");
const [ada, ben] = [await register("ts_ada"), await register("ts_ben")];
const direct = await befriend(ada, ben);
await messages(ada, ben, direct);
await messages(ada, ben, await room(ada, ben));
await avatar(ada);
await exported(ada);
await problems(ada);
await sessions(ada);
finish();
