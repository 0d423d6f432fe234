"""Signing in again while we run: the command line has met the person, we have the connection."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from selaras.sync.connecting import SignedIn, sign_in_here
from selaras.web.context import Context

__all__ = ["SignInBody", "SignedIn", "finish"]

_Text = Annotated[str, Meta(min_length=1, max_length=4000)]


class SignInBody(msgspec.Struct, forbid_unknown_fields=True):
    """The code that came back from the sign-in page, and the verifier that belongs to it (RFC 7636)."""

    name: Annotated[str, Meta(max_length=200)]
    code: _Text
    verifier: _Text
    who: Annotated[str, Meta(max_length=200)] = ""


async def finish(context: Context, body: SignInBody) -> SignedIn:
    """Take the token, then let every lane that waited for it run."""
    hub, service = context.hub, context.service
    done = await sign_in_here(hub, body.name, body.code, body.verifier)
    for kind in hub.connectors[body.name].capabilities.sources:
        service.wake(body.name, kind)
    for pair in hub.pairs_of(body.name):
        for lane in (f"plan {pair.store}", f"stock {pair.store}", f"send {pair.books}", f"send {pair.store}"):
            service.lanes[lane].wake()
    return done
