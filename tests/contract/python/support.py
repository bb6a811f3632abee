"""What all scripts need: where the server is, how often it was asked, and assertions that say what was expected."""

import os
from pathlib import Path

import httpx

SERVER = os.environ["CONTRACT_SERVER"]
STUB = os.environ["CONTRACT_STUB"]
"""Answers every request with a problem whose code is in no published list."""
INVENTED_CODE = os.environ["CONTRACT_STUB_CODE"]
PICTURE = Path(os.environ["CONTRACT_PICTURE"]).read_bytes()
DOCUMENTS = Path(os.environ["CONTRACT_DOCUMENTS"])
PASSWORD = "correct horse battery"

_requests = 0


def counted(_request: httpx.Request) -> None:
    """A hook of httpx."""
    global _requests
    _requests += 1


def count() -> None:
    """Where there is no hook."""
    global _requests
    _requests += 1


def check(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"does not hold: {what}")


def same(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise AssertionError(f"{what}: {expected!r} was expected, and it is {found!r}")


def finish(named: str = "requests") -> None:
    """The last line of a run, which `cargo xtask contract` reads."""
    print(f"{named}: {_requests}")
