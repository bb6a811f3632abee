"""The client of openapi-generator, shorter: events, bytes and problems are where it used to fail."""

import json
from typing import Any

from parlour_openapi_generator import (
    AccountsApi,
    ApiClient,
    ApiException,
    Configuration,
    ConversationsApi,
    FriendsApi,
    MessagesApi,
    RoomsApi,
    SessionsApi,
    UsersApi,
)
from parlour_openapi_generator.models.confirm_password import ConfirmPassword
from parlour_openapi_generator.models.create_account import CreateAccount
from parlour_openapi_generator.models.create_room import CreateRoom
from parlour_openapi_generator.models.message_created_event import MessageCreatedEvent
from parlour_openapi_generator.models.problem import Problem
from parlour_openapi_generator.models.send_message import SendMessage
from parlour_openapi_generator.models.signed_in import SignedIn
from support import INVENTED_CODE, PASSWORD, PICTURE, SERVER, STUB, check, count, finish, same


class Counted(ApiClient):
    def call_api(self, *arguments: Any, **named: Any) -> Any:
        count()
        return super().call_api(*arguments, **named)


def client(token: str | None = None, server: str = SERVER) -> ApiClient:
    return Counted(Configuration(host=server, access_token=token))


def code(refused: ApiException) -> str:
    if not isinstance(refused.data, Problem):
        raise AssertionError(f"no problem: {refused}")
    return str(refused.data.code.actual_instance)


def main() -> None:
    body = CreateAccount(handle="generator_ada", password=PASSWORD)
    signed = AccountsApi(client()).create_account(body)
    if not isinstance(signed, SignedIn):
        raise AssertionError(f"not registered: {signed}")
    ada = client(signed.access_token)
    room = RoomsApi(ada).create_room(CreateRoom(name="generator"))
    send = SendMessage(body="See you at six")
    first = MessagesApi(ada).send_message(room.id, "first-message", send)
    again = MessagesApi(ada).send_message(room.id, "first-message", send)
    same((again.seq, again.duplicate), (first.seq, True), "sending twice")

    log = ConversationsApi(ada).list_events(room.id, after=0)
    events = [event.actual_instance for event in log.items]
    texts = [event.data.body for event in events if isinstance(event, MessageCreatedEvent)]
    same(texts, [send.body], "messages in the log")

    account = AccountsApi(ada).upload_avatar(PICTURE)
    shown = UsersApi(ada).show_avatar(account.avatar or "", 64)
    check(isinstance(shown, bytes) and len(shown) > 100, "the picture is a picture")
    export = bytes(AccountsApi(ada).export_account(ConfirmPassword(password=PASSWORD)))
    same(json.loads(export.splitlines()[-1])["kind"], "end", "the last line of the export")

    try:
        FriendsApi(client(signed.access_token, STUB)).list_friends()
        raise AssertionError("it was not refused")
    except ApiException as refused:
        same(code(refused), INVENTED_CODE, "a code of a later version")
    SessionsApi(ada).delete_current_session()
    try:
        AccountsApi(ada).show_account()
        raise AssertionError("it was not refused")
    except ApiException as refused:
        same((code(refused), refused.status), ("unauthenticated", 401), "after logging out")
    finish()


main()
