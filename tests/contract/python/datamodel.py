"""The models of datamodel-code-generator, over answers that httpx fetched: every one has to fit, also what is unknown."""

import httpx

from generated.models import (
    ConversationPage,
    CreateAccount,
    CreateRoom,
    EventPage,
    MessageCreatedEvent,
    Problem,
    Room,
    SendMessage,
    ServerInfo,
    SignedIn,
    Stored,
)
from support import INVENTED_CODE, PASSWORD, SERVER, STUB, counted, finish, same

API = f"{SERVER}/api/v1"


def main() -> None:
    client = httpx.Client(event_hooks={"request": [counted]})
    ServerInfo.model_validate_json(client.get(f"{API}/server").content)
    account = CreateAccount(handle="models_ada", password=PASSWORD)
    answer = client.post(f"{API}/accounts", json=account.model_dump(mode="json", exclude_none=True))
    signed = SignedIn.model_validate_json(answer.content)
    client.headers["Authorization"] = f"Bearer {signed.access_token}"

    name = CreateRoom(name="models").model_dump(exclude_none=True)
    room = Room.model_validate_json(client.post(f"{API}/rooms", json=name).content)
    conversation = f"{API}/conversations/{room.id.root}"
    text = SendMessage(body="See you at six")
    path = f"{conversation}/messages/by-cid/first-message"
    stored = Stored.model_validate_json(client.put(path, json=text.model_dump(exclude_none=True)).content)

    log = EventPage.model_validate_json(client.get(f"{conversation}/events?after=0").content)
    created = [one.root for one in log.items if isinstance(one.root, MessageCreatedEvent)]
    same([(one.seq, one.data.body) for one in created], [(stored.seq, text.body)], "messages in the log")
    page = ConversationPage.model_validate_json(client.get(f"{API}/conversations").content)
    same([one.id for one in page.items], [room.id], "conversations")

    unknown = Problem.model_validate_json(client.get(f"{STUB}/api/v1/friends").content)
    same(unknown.code.root, INVENTED_CODE, "a code of a later version")
    client.headers["Authorization"] = "Bearer nonsense"
    known = Problem.model_validate_json(client.get(f"{API}/account").content)
    same((known.code.root, known.status), ("unauthenticated", 401), "a token that is none")
    finish()


main()
