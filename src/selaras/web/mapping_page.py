"""The page on which a person says what a store's words mean in its books: the sheet of one pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from selaras.i18n import _, gettext
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.rules.explain import recognised
from selaras.sync import mapping_changes, mappings
from selaras.sync.installation import pairs_of
from selaras.sync.mapping_sheet import Refused, Sheet, in_words, sheet, wished
from selaras.sync.mappings import MappingChanged, MappingHistory
from selaras.web.api import Refusal
from selaras.web.context import Context, Visitor
from selaras.web.look import Look, path, say
from selaras.web.signing import checked_form
from selaras.web.words import word

_WORD: Final = "w:"
_HISTORY: Final = 50
_LONGEST: Final = 200
# More than these are searched by typing instead of being listed in a choice of their own.
_LIST: Final = 80


class Pressed(msgspec.Struct, frozen=True):
    """What a form of the sheet says: the words as typed, a word of their own, and the version that was shown."""

    version: int
    words: dict[str, str]
    new_word: str
    new_value: str
    note: str
    take: str
    take_all: bool
    seen: dict[str, str]

    @property
    def takes(self) -> bool:
        """True when a proposal is to be taken, not what was typed."""
        return self.take_all or bool(self.take)

    @property
    def all_words(self) -> dict[str, str]:
        """The words with the one that was added by hand."""
        return self.words | ({self.new_word: self.new_value} if self.new_word or self.new_value else {})

    @property
    def beside(self) -> bool:
        """True when something was typed that no proposal answers and no comparison shows."""
        return self.takes and bool(self.note or self.new_word or self.new_value)


class Outcome(msgspec.Struct, frozen=True):
    """What became of a form: what changed, or why nothing was, word by word; `trouble` is about the whole form.

    `kept` is what was typed and is not saved yet.
    """

    done: MappingChanged | None = None
    refused: dict[str, Refused] = {}
    trouble: Refused | None = None
    kept: dict[str, str] = {}


class MappingPage:
    """The handlers of the sheet and its forms."""

    def __init__(self, context: Context, look: Look) -> None:
        self._context = context
        self._look = look

    async def of_store(self, request: Request) -> Response:
        """From a store to the mapping of its pair; other connections have none of their own."""
        name = request.path_params["store"]
        found = await self._context.read(_books_of, name)
        return RedirectResponse(path("mapping", name, found) if found else path("mapping"), 303)

    async def show(self, request: Request) -> Response:
        """The sheet."""
        done = request.query_params.get("done", "")
        return await self._sheet(request, done=done if done.isdecimal() else "")

    async def save(self, request: Request) -> Response:
        """What was typed, one proposal, or all that are clear: always one new version, or none."""
        pressed, (store, books) = _pressed(await self._form(request)), _pair(request)
        now = self._context.hub.now()

        def work(ledger: Ledger) -> Outcome:
            changed, refused = wished(ledger, store, books, pressed.version, pressed.all_words)
            typed = {word: text for word, text in pressed.all_words.items() if word in changed or word in refused}
            try:
                if pressed.takes:
                    return _take(ledger, store, books, pressed, typed, now)
                return _save(ledger, store, books, pressed, changed, refused, now)
            except LedgerError as error:
                return Outcome(trouble=Refused(error.message, error.cure), kept=typed)

        outcome = await self._context.change(work)
        if outcome.done is not None and not outcome.kept and not pressed.beside:
            return _again(store, books, outcome.done)
        return await self._sheet(request, outcome, pressed)

    async def back(self, request: Request) -> Response:
        """Say again what an earlier version said."""
        form, (store, books) = await self._form(request), _pair(request)
        version, now = form.get("version", ""), self._context.hub.now()
        number = int(version) if version.isdecimal() and len(version) < 10 else 0

        await self._context.read(mappings.pair_between, store, books)
        try:
            done = await self._context.change(mapping_changes.go_back, store, books, number, now, "console")
        except LedgerError as error:
            raise Refusal(422, _("That cannot be done"), say(error.message), say(error.cure)) from None
        return _again(store, books, done)

    async def _sheet(
        self, request: Request, outcome: Outcome | None = None, pressed: Pressed | None = None, done: str = ""
    ) -> Response:
        visitor: Visitor = request.state.visitor
        store, books = _pair(request)
        shown = await self._context.read(sheet, store, books)
        history = await self._context.read(mappings.history, store, books)
        names = await self._context.read(in_words, books, history[:_HISTORY])
        outcome = outcome or Outcome()
        # A page with forms is not brought up to date under a person's hands.
        return self._look.page(
            request, "mapping.html", 422 if outcome.refused or outcome.trouble else 200, sheet=shown, done=done,
            history=history[:_HISTORY], more=max(0, len(history) - _HISTORY), may_write=visitor.kind == "person",
            outcome=outcome, new_word=pressed.new_word if pressed else "",
            new_value=pressed.new_value if pressed else "", note=pressed.note if pressed else "",
            required=_required(shown), most=_LIST, names=names, why=_why, since=_since(history),
        )  # fmt: skip

    async def _form(self, request: Request) -> dict[str, str]:
        visitor: Visitor = request.state.visitor
        if visitor.kind != "person":
            raise Refusal(403, _("Sign in first"), _("Only a signed-in person may do this."))
        return await checked_form(request, self._context)


def _books_of(ledger: Ledger, name: str) -> str:
    """The books of a store; "" for another connection. Raises `LedgerError` when there is none of that name."""
    found = next((pair.books for pair in pairs_of(ledger) if pair.store == name), "")
    if not found:
        ledger.connections.get(name)
    return found


def _pair(request: Request) -> tuple[str, str]:
    return request.path_params["store"], request.path_params["books"]


def _again(store: str, books: str, done: MappingChanged) -> Response:
    return RedirectResponse(path("mapping", store, books, {"done": str(done.replanned)}), 303)


def _pressed(form: Mapping[str, str]) -> Pressed:
    version = form.get("version", "")
    lines = [line.partition("\t") for line in form.get("seen", "").splitlines()]
    return Pressed(
        int(version) if version.isdecimal() and len(version) < 10 else 0,
        {name.removeprefix(_WORD): text.strip() for name, text in form.items() if name.startswith(_WORD)},
        form.get("new_word", "").strip(), form.get("new_value", "").strip(), form.get("note", "").strip()[:_LONGEST],
        form.get("take", ""), "take_all" in form, {word: chosen for word, _tab, chosen in lines if chosen},
    )  # fmt: skip


def _save(
    ledger: Ledger,
    store: str,
    books: str,
    pressed: Pressed,
    changed: dict[str, str],
    refused: dict[str, Refused],
    now: int,
) -> Outcome:
    """Write what a person changed; with one word that cannot be taken nothing is written."""
    kept = {word: text for word, text in pressed.all_words.items() if word in changed or word in refused}
    if pressed.new_word and not pressed.new_value and pressed.new_word not in refused:
        refused = refused | {pressed.new_word: Refused("Nothing is chosen for it.", "Say what it means in the books.")}
    if refused:
        return Outcome(refused=refused, kept=kept)
    if not changed:
        return Outcome(trouble=Refused("Nothing was changed.", "Choose something, then save."))
    return Outcome(mapping_changes.set_words(ledger, store, books, changed, now, "console", pressed.note))


def _take(ledger: Ledger, store: str, books: str, pressed: Pressed, typed: dict[str, str], now: int) -> Outcome:
    """Take what is proposed as it was seen; what was typed for other words stays on the page."""
    word, _tab, chosen = pressed.take.partition("\t")
    if chosen:
        taken, kept = {word: chosen}, {name: text for name, text in typed.items() if name != word}
    else:
        taken, kept = {name: id for name, id in pressed.seen.items() if name not in typed}, typed
    offered = {one.word: one for one in mapping_changes.proposals(ledger, store, books).proposals}
    clear = {name: one.chosen for name, one in offered.items()}
    if taken and all(clear.get(name) == id for name, id in taken.items()):
        return Outcome(mapping_changes.accept(ledger, store, books, taken, now, "console"), kept=kept)
    if word in offered and chosen in [one.id for one in offered[word].candidates]:
        # One of several that fit: the choice is the person's own.
        return Outcome(mapping_changes.set_words(ledger, store, books, taken, now, "console", pressed.note), kept=kept)
    moved = Refused("What is proposed has changed meanwhile.", "Look at it again, then choose.")
    return Outcome(trouble=moved, kept=typed)


def _required(shown: Sheet) -> str:
    return next((one.id for one in shown.view.entries if one.word == "require"), "")


def _since(history: Sequence[MappingHistory]) -> dict[str, MappingHistory]:
    """The version that gave each word what it means now; `history` has the newest first."""
    found: dict[str, MappingHistory] = {}
    for one in history:
        for name in one.after:
            found.setdefault(name, one)
    return found


def _why(reason: str) -> str:
    """A reason of a proposal in the reader's language; the type of an account is a word of the books' room."""
    found = recognised(reason)
    if found is None or "type" not in found.params:
        return say(reason)
    return gettext(found.text) % (found.params | {"type": word("account_type", found.params["type"])})


def routes(context: Context, look: Look) -> list[Route]:
    """The sheet for those who may read; its forms for signed-in people."""
    page = MappingPage(context, look)
    return [
        look.route("/mapping/{store}", page.of_store, "mapping_of_store"),
        look.route("/mapping/{store}/{books}", page.show, "mapping_sheet"),
        look.route("/mapping/{store}/{books}", page.save, "save_mapping", "POST"),
        look.route("/mapping/{store}/{books}/back", page.back, "mapping_back", "POST"),
    ]
