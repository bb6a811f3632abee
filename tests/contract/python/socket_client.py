"""A client of the socket, made from the published schema: its connection is cut, and nothing is lost or doubled."""

import json
import socket
from contextlib import ExitStack
from itertools import count as numbers
from typing import Any

from pydantic import BaseModel
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from generated.openapi_python_client import AuthenticatedClient, Client
from generated.openapi_python_client.api.accounts import create_account
from generated.openapi_python_client.api.messages import send_message
from generated.openapi_python_client.api.rooms import create_room, join_room
from generated.openapi_python_client.api.sessions import delete_current_session
from generated.openapi_python_client.models import (
    Conversation,
    CreateAccount,
    CreateRoom,
    Room,
    SendMessage,
    SignedIn,
    Stored,
)
from generated.socket_models import (
    ConversationId,
    ErrorFrame,
    Event,
    EventFrame,
    HelloFrame,
    MessageCreatedEvent,
    MessageCreatedEventFrame,
    OkFrame,
    SendCommand,
    Seq,
    ServerFrame,
    StartCommand,
    SyncCommand,
)
from support import DOCUMENTS, PASSWORD, SERVER, check, count, finish, same

WAIT = 20
DOCUMENT: dict[str, Any] = json.loads((DOCUMENTS / "asyncapi.json").read_text())
CHANNEL = DOCUMENT["channels"]["socket"]
ADDRESS = SERVER.replace("http", "ws", 1) + CHANNEL["address"]
SUBPROTOCOL = CHANNEL["bindings"]["ws"]["headers"]["properties"]["Sec-WebSocket-Protocol"]["const"]
CLOSE_CODES: dict[int, dict[str, Any]] = {one["code"]: one for one in DOCUMENT["x-close-codes"]}
REPLAYED: int = DOCUMENT["x-limits"]["replayed_events_per_conversation"]
AT_ONCE: int = DOCUMENT["x-limits"]["events_per_sync"]


class Follower:
    """Somebody who follows one room: what they have, and the connection that they have now."""

    def __init__(self, handle: str) -> None:
        body = CreateAccount(handle=handle, password=PASSWORD)
        signed = create_account.sync(client=Client(SERVER), body=body)
        if not isinstance(signed, SignedIn):
            raise AssertionError(f"not registered: {signed}")
        self.token = signed.access_token
        self.rest = AuthenticatedClient(SERVER, token=self.token)
        self.room = ""
        self.epoch: str | None = None
        self.cursor: int | None = None
        self.texts: list[str] = []
        self.ids = numbers(1)
        self.frames: list[ServerFrame] = []
        self.connection = ExitStack()
        self.socket: ClientConnection

    def dial(self) -> None:
        self.leave()
        self.socket = self.connection.enter_context(connect(ADDRESS, subprotocols=[SUBPROTOCOL]))
        same(self.socket.subprotocol, SUBPROTOCOL, "the subprotocol")
        self.frames = []
        hello = self.next()
        if not isinstance(hello, HelloFrame):
            raise AssertionError(f"hello was expected, and not {hello}")
        check(self.epoch in (None, hello.epoch), "the history is the same")
        self.epoch = hello.epoch

    def start(self) -> str:
        """Connects and continues from the cursor; gives the state of the room."""
        self.dial()
        here = ConversationId(root=self.room)
        cursors = None if self.cursor is None else {self.room: Seq(root=self.cursor)}
        started = self.ask(
            StartCommand(
                op="start",
                id=next(self.ids),
                token=self.token,
                live=[here],
                cursors=cursors,
                epoch=self.epoch if cursors else None,
            )
        )
        stream = (started.conversations or {})[self.room]
        if self.cursor is None and stream.head is not None:
            self.cursor = stream.head.root
        return str(stream.state.root)

    def write(self, command: BaseModel) -> None:
        count()
        self.socket.send(command.model_dump_json(exclude_none=True))

    def next(self) -> object:
        """The next frame. Every one is checked against the schema; a message may hold several, one a line."""
        while not self.frames:
            message = self.socket.recv(timeout=WAIT)
            lines = str(message).splitlines()
            self.frames = [ServerFrame.model_validate_json(line) for line in lines]
        return self.frames.pop(0).root

    def ask(self, command: StartCommand | SendCommand | SyncCommand) -> OkFrame:
        """Sends a command and waits for its answer; what comes in between is taken in."""
        self.write(command)
        while True:
            frame = self.next()
            if isinstance(frame, OkFrame) and frame.id == command.id:
                return frame
            if isinstance(frame, ErrorFrame):
                raise AssertionError(f"refused: {frame}")
            self.take(frame)

    def take(self, frame: object) -> None:
        if isinstance(frame, EventFrame):
            self.apply(frame.root.seq.root, frame.root)

    def apply(self, seq: int, event: object) -> None:
        """The rule of the document: one more than the cursor is new, what is lower is known."""
        if self.cursor is None or seq <= self.cursor:
            return
        same(seq, self.cursor + 1, "events have no holes")
        self.cursor = seq
        if isinstance(event, MessageCreatedEventFrame | MessageCreatedEvent):
            self.texts.append(event.data.body or "")

    def follow(self, until: str) -> None:
        while until not in self.texts:
            self.take(self.next())

    def leave(self) -> None:
        self.connection.close()

    def cut(self) -> None:
        """Drops the TCP connection: no close frame is sent, and what was under way is lost."""
        self.socket.socket.shutdown(socket.SHUT_RDWR)
        self.leave()

    def message(self, text: str) -> SendCommand:
        here = ConversationId(root=self.room)
        return SendCommand(op="send", id=next(self.ids), conversation=here, cid=f"cid-{text}", body=text)

    def ending(self) -> tuple[int, str, list[ErrorFrame]]:
        """Reads to the end: the code, the reason, and errors before it."""
        errors: list[ErrorFrame] = []
        try:
            while True:
                frame = self.next()
                if isinstance(frame, ErrorFrame):
                    errors.append(frame)
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                raise
            return closed.rcvd.code, closed.rcvd.reason, errors


def together() -> tuple[Follower, Follower]:
    ada, ben = Follower("socket_ada"), Follower("socket_ben")
    made = create_room.sync(client=ada.rest, body=CreateRoom(name="socket"))
    if not isinstance(made, Room):
        raise AssertionError(f"no room: {made}")
    joined = join_room.sync(made.id, client=ben.rest)
    check(isinstance(joined, Conversation), "the room can be joined")
    ada.room = ben.room = made.id
    return ada, ben


def exactly_once(ada: Follower, ben: Follower) -> list[str]:
    """Both are cut in the middle: who reads, and who doesn't know whether the last message arrived."""
    same((ada.start(), ben.start()), ("replay", "replay"), "without a cursor a stream begins at its head")
    texts = [f"number-{number}" for number in range(12)]
    for text in texts[:4]:
        ben.ask(ben.message(text))
    ada.follow(texts[3])
    ada.cut()
    for text in texts[4:8]:
        ben.ask(ben.message(text))
    ben.write(ben.message(texts[8]))
    ben.cut()
    same(ben.start(), "replay", "what follows for the one who was cut while sending")
    ben.ask(ben.message(texts[8]))
    again = ben.ask(ben.message(texts[8]))
    check(again.duplicate is True, "a message that is there is not sent twice")
    same(ada.start(), "replay", "what follows for the one who was cut while reading")
    for text in texts[9:]:
        ben.ask(ben.message(text))
    ada.follow(texts[-1])
    ben.follow(texts[-1])
    same(ada.texts, texts, "what was read")
    same(ben.texts, texts, "what was read by the sender")
    return texts


def gap(ada: Follower, ben: Follower, texts: list[str]) -> None:
    """More is missed than is replayed: the rest is asked for."""
    ada.cut()
    missed = [f"missed-{number}" for number in range(REPLAYED + 5)]
    for text in missed:
        stored = send_message.sync(ben.room, f"cid-{text}", client=ben.rest, body=SendMessage(body=text))
        check(isinstance(stored, Stored), "the message is stored")
    same(ada.start(), "gap", "after more than is replayed")
    here = ConversationId(root=ada.room)
    while missed[-1] not in ada.texts:
        after = Seq(root=ada.cursor or 0)
        page = ada.ask(SyncCommand(op="sync", id=next(ada.ids), conversation=here, after=after))
        events: list[Event] = page.events or []
        check(0 < len(events) <= AT_ONCE, "sync gives as much as the document says")
        for event in events:
            ada.apply(event.root.seq.root, event.root)
    ben.follow(missed[-1])
    same(ada.texts, texts + missed, "what was read after a gap")
    same(ben.texts, texts + missed, "what was read live")


def published(code: int, reason: str, recovery: str) -> None:
    known = CLOSE_CODES.get(code)
    if known is None:
        raise AssertionError(f"{code} is not in asyncapi.json")
    same(reason, known["reason"], f"the reason of {code}")
    same(known["recovery"], recovery, f"what to do after {code}")


def endings(ada: Follower, ben: Follower) -> None:
    """Every close has a code and a reason that are published."""
    ben.leave()
    ben.dial()
    ben.socket.send('{"op":"start","id":1,"nonsense":true}')
    code, reason, errors = ben.ending()
    check(len(errors) == 1, "what can't be understood is answered before the close")
    published(code, reason, "stop")
    ben.token, right = "nonsense", ben.token
    ben.dial()
    ben.write(StartCommand(op="start", id=1, token=ben.token))
    code, reason, _ = ben.ending()
    published(code, reason, "log_in")
    ben.token = right
    ben.start()
    delete_current_session.sync_detailed(client=ben.rest)
    code, reason, _ = ben.ending()
    published(code, reason, "log_in")
    for person in (ada, ben):
        person.leave()


def main() -> None:
    ada, ben = together()
    texts = exactly_once(ada, ben)
    gap(ada, ben, texts)
    endings(ada, ben)
    finish("frames")


main()
