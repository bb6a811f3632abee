"""The whole story of two people, told through the client of openapi-python-client alone."""

import io
import json
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from generated.openapi_python_client import AuthenticatedClient, Client
from generated.openapi_python_client.api.accounts import (
    create_account,
    delete_avatar,
    export_account,
    show_account,
    upload_avatar,
)
from generated.openapi_python_client.api.conversations import list_events, mark_read, open_direct
from generated.openapi_python_client.api.friends import (
    accept_friend_request,
    create_friend_request,
    list_friend_requests,
    list_friends,
)
from generated.openapi_python_client.api.messages import (
    add_reaction,
    delete_message,
    delete_reaction,
    edit_message,
    list_messages,
    send_message,
    show_message,
)
from generated.openapi_python_client.api.rooms import create_room, join_room, list_members, list_rooms
from generated.openapi_python_client.api.server import show_server
from generated.openapi_python_client.api.sessions import (
    create_session,
    delete_current_session,
    list_sessions,
    refresh_session,
)
from generated.openapi_python_client.api.users import show_avatar
from generated.openapi_python_client.models import (
    Account,
    AccountExportLine,
    ConfirmPassword,
    CreateAccount,
    CreateFriendRequest,
    CreateRoom,
    CreateSession,
    EditMessage,
    MarkRead,
    MessageCreatedEvent,
    MessageEditedEvent,
    Problem,
    RefreshSession,
    RefreshTransport,
    SendMessage,
    SignedIn,
)
from generated.openapi_python_client.types import UNSET, File, Response, Unset
from support import INVENTED_CODE, PASSWORD, PICTURE, SERVER, STUB, check, counted, finish, same

T = TypeVar("T")
HOOKS = {"event_hooks": {"request": [counted]}}


def present(value: T | Unset | None) -> T:
    if value is None or isinstance(value, Unset):
        raise AssertionError("it is missing")
    return value


def ok(answer: Response[Problem | T]) -> T:
    """What an operation that must succeed answers with."""
    parsed = answer.parsed
    if isinstance(parsed, Problem):
        raise AssertionError(f"refused: {parsed.to_dict()}")
    return present(parsed)


def refused(answer: Response[Any]) -> Problem:
    """The problem of an operation that must be refused, after a look at what every problem has."""
    problem = answer.parsed
    if not isinstance(problem, Problem):
        raise AssertionError("it was not refused")
    same(problem.status, answer.status_code.value, "the status in a problem")
    check(bool(problem.request_id and problem.title), "a problem names its request and has a title")
    check(problem.type_.endswith(f"#{problem.code}"), "the type of a problem leads to its code")
    return problem


def known(token: str, server: str = SERVER) -> AuthenticatedClient:
    return AuthenticatedClient(server, token=token, httpx_args=HOOKS)


STRANGER = Client(SERVER, httpx_args=HOOKS)


@dataclass
class Person:
    """A person with a client of their own."""

    client: AuthenticatedClient
    account: Account
    refresh: str


def register(handle: str) -> Person:
    body = CreateAccount(handle=handle, password=PASSWORD, refresh=RefreshTransport.BODY)
    signed = create_account.sync_detailed(client=STRANGER, body=body).parsed
    if not isinstance(signed, SignedIn):
        raise AssertionError(f"not registered: {signed}")
    return Person(known(signed.access_token), signed.account, present(signed.refresh_token))


def befriend(ada: Person, ben: Person) -> str:
    user = ben.account.id
    stranger = refused(open_direct.sync_detailed(user, client=ada.client))
    same(stranger.code, "not_friends", "writing to a stranger")
    asking = CreateFriendRequest(to=f"@{ben.account.handle}")
    ok(create_friend_request.sync_detailed(client=ada.client, body=asking))
    asked = ok(list_friend_requests.sync_detailed(client=ben.client))
    same([request.user.id for request in asked.incoming], [ada.account.id], "who asked")
    accepted = ok(accept_friend_request.sync_detailed(ada.account.id, client=ben.client))
    same(accepted.relation, "friend", "the relation")
    friends = ok(list_friends.sync_detailed(client=ada.client))
    same([friend.user.handle for friend in friends.items], [ben.account.handle], "friends")
    direct = ok(open_direct.sync_detailed(user, client=ada.client))
    check(direct.writable and direct.kind == "direct", "friends can write to each other")
    same(present(direct.peer).id, user, "the other one")
    return direct.id


def room(ada: Person, ben: Person) -> str:
    body = CreateRoom(name=f"tea {ada.account.handle}", topic="All about tea")
    made = ok(create_room.sync_detailed(client=ada.client, body=body))
    taken = refused(create_room.sync_detailed(client=ben.client, body=body))
    same((taken.code, taken.status), ("taken", 409), "a name that is taken")
    found = ok(list_rooms.sync_detailed(client=ben.client, search=body.name))
    same([one.id for one in found.items], [made.id], "what a search finds")
    joined = ok(join_room.sync_detailed(made.id, client=ben.client))
    same((joined.kind, joined.role, joined.name), ("room", "member", body.name), "what was joined")
    members = ok(list_members.sync_detailed(made.id, client=ada.client))
    same(len(members.items), 2, "members")
    return made.id


def messages(ada: Person, ben: Person, place: str) -> None:
    first = SendMessage(body="See you at six")
    name = "first-message"
    stored = ok(send_message.sync_detailed(place, name, client=ada.client, body=first))
    again = ok(send_message.sync_detailed(place, name, client=ada.client, body=first))
    same((stored.duplicate, again.duplicate, again.seq), (False, True, stored.seq), "sending twice")
    other = SendMessage(body="At seven")
    conflict = refused(send_message.sync_detailed(place, name, client=ada.client, body=other))
    same(conflict.code, "conflict", "another text under the same name")
    sent = [stored.seq]
    for number in range(4):
        body = SendMessage(body=f"Message {number}", reply_to=stored.seq)
        cid = f"message-{number}"
        sent.append(ok(send_message.sync_detailed(place, cid, client=ada.client, body=body)).seq)

    read: list[int] = []
    before: int | Unset = UNSET
    older = True
    while older:
        page = ok(list_messages.sync_detailed(place, client=ben.client, limit=2, before=before))
        check(0 < len(page.items) <= 2, "a page has up to as many items as were asked for")
        read = [message.seq for message in page.items] + read
        before, older = page.items[0].seq, page.older
    same(read, sent, "all pages")

    change, emoji = EditMessage(body="See you at **seven**"), "👍"
    theirs = refused(edit_message.sync_detailed(place, stored.seq, client=ben.client, body=change))
    same(theirs.code, "forbidden", "editing what another wrote")
    ok(edit_message.sync_detailed(place, stored.seq, client=ada.client, body=change))
    ok(add_reaction.sync_detailed(place, stored.seq, emoji, client=ben.client))
    edited = ok(show_message.sync_detailed(place, stored.seq, client=ada.client))
    same((edited.body, edited.cid), (change.body, name), "what was edited")
    present(edited.edited_at)
    reactions = [(one.emoji, one.users) for one in present(edited.reactions)]
    same(reactions, [(emoji, [ben.account.id])], "reactions")
    ok(delete_reaction.sync_detailed(place, stored.seq, emoji, client=ben.client))
    ok(delete_message.sync_detailed(place, stored.seq, client=ada.client))
    deleted = ok(show_message.sync_detailed(place, stored.seq, client=ada.client))
    present(deleted.deleted_at)
    check(isinstance(deleted.body, Unset), "a deleted message has no text")
    marker = ok(mark_read.sync_detailed(place, client=ben.client, body=MarkRead(seq=sent[-1])))
    same(marker.seq, sent[-1], "the marker")
    events(ben, place, sent)


def events(person: Person, place: str, sent: list[int]) -> None:
    """The log, told apart by kind."""
    created: list[int] = []
    kinds: set[str] = set()
    after, head = 0, 1
    while after < head:
        page = ok(list_events.sync_detailed(place, client=person.client, after=after, limit=3))
        for event in page.items:
            after += 1
            same(event.seq, after, "positions have no holes")
            kinds.add(event.kind.value)
            if isinstance(event, MessageCreatedEvent):
                created.append(event.seq)
                check(bool(event.data.cid), "a message has the name that its author gave it")
            elif isinstance(event, MessageEditedEvent):
                same(event.data.target, sent[0], "which was edited")
        same(page.next_after, after, "where the next page begins")
        head = page.head
    same(created, sent, "messages in the log")
    wanted = {"message.edited", "message.deleted", "reaction.added", "reaction.removed"}
    check(wanted <= kinds, "the log has every change")


def avatar(ada: Person) -> None:
    file = File(io.BytesIO(PICTURE))
    changed = ok(upload_avatar.sync_detailed(client=ada.client, body=file))
    name = present(changed.avatar)
    # The generator knows no media type but its own few; the bytes are in the answer all the same.
    shown = show_avatar.sync_detailed(name, 256, client=STRANGER)
    plain = httpx.get(f"{SERVER}/api/v1/avatars/{name}/256")
    same(shown.status_code, 200, "the picture")
    check(shown.content == plain.content, "the picture's bytes are those that the server sends")
    check(len(shown.content) > 100, "the picture is a picture")
    without = ok(delete_avatar.sync_detailed(client=ada.client))
    check(isinstance(without.avatar, Unset), "there is no picture afterwards")


def exported(ada: Person) -> None:
    nonsense = ConfirmPassword(password="not this one")
    wrong = refused(export_account.sync_detailed(client=ada.client, body=nonsense))
    same(wrong.code, "bad_credentials", "a wrong password")
    body = ConfirmPassword(password=PASSWORD)
    file = ok(export_account.sync_detailed(client=ada.client, body=body))
    lines = [json.loads(line) for line in file.payload.read().decode().splitlines()]
    same((lines[0]["kind"], lines[-1]["kind"]), ("export", "end"), "the first and the last line")
    account = next(line for line in lines if line["kind"] == "account")
    handle = AccountExportLine.from_dict(account).data.handle
    same(handle, ada.account.handle, "the account in the export")


def problems(ada: Person) -> None:
    body = CreateAccount(handle="1", password="short")
    invalid = refused(create_account.sync_detailed(client=STRANGER, body=body))
    same(invalid.code, "invalid", "a handle that is none")
    broken = sorted(one.field for one in present(invalid.violations))
    same(broken, ["handle", "password"], "what breaks rules")
    unknown = refused(list_friends.sync_detailed(client=known(ada.client.token, STUB)))
    same(unknown.code, INVENTED_CODE, "a code of a later version")
    nobody = refused(show_account.sync_detailed(client=known("nonsense")))
    same((nobody.code, nobody.status), ("unauthenticated", 401), "a token that is none")


def sessions(ada: Person) -> None:
    body = RefreshSession(refresh_token=ada.refresh)
    following = ok(refresh_session.sync_detailed(client=ada.client, body=body))
    check(present(following.refresh_token) != ada.refresh, "the refresh token is a new one")
    client = known(following.access_token)
    same(ok(show_account.sync_detailed(client=client)).id, ada.account.id, "who the new token is of")
    again = CreateSession(handle=ada.account.handle, password=PASSWORD)
    ok(create_session.sync_detailed(client=STRANGER, body=again))
    same(len(ok(list_sessions.sync_detailed(client=client)).items), 2, "sessions")
    left = delete_current_session.sync_detailed(client=client)
    same(left.status_code, 204, "logging out")
    same(refused(show_account.sync_detailed(client=client)).status, 401, "after logging out")


def main() -> None:
    info = ok(show_server.sync_detailed(client=STRANGER))
    check(info.registration_open and info.limits.message_length > 0, "the server says what it takes")
    ada, ben = register("py_ada"), register("py_ben")
    messages(ada, ben, befriend(ada, ben))
    messages(ada, ben, room(ada, ben))
    avatar(ada)
    exported(ada)
    problems(ada)
    sessions(ada)
    finish()


main()
