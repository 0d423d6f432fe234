"""`selaras mapping`: which account, tax, warehouse and dimension of the books a store's words mean."""

from __future__ import annotations

from pathlib import Path

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, group, option
from selaras.cli.products import read_text
from selaras.cli.session import session
from selaras.cli.show import count, moment, print_json, say, show, table
from selaras.i18n import N_, _
from selaras.ledger import Ledger
from selaras.rules.mapping import percent
from selaras.sync import mapping_changes, mappings
from selaras.sync.mapping_changes import MappingProposals
from selaras.sync.mappings import MappingChanged, MappingView
from selaras.sync.mirror import chart_of
from selaras.sync.sentences import spoken

_STORE = N_("Name of the store's connection.")
_BOOKS = N_("Name of the books' connection.")


@group("mapping", help=N_("Which account, tax, warehouse and dimension of the books a store's words mean."))
def mapping() -> None:
    pass


@command(
    "show",
    help=N_(
        "The mapping in force, with the names that the books give, what must be named before anything is posted, and "
        "what of it is missing. Exit code 1 when something is missing or cannot be used."
    ),
)
@argument("store", help=_STORE)
@argument("books", help=_BOOKS)
@as_json
def show_(store: str, books: str, json_: bool) -> int:
    with session().reading() as ledger:
        found = mappings.show(ledger, store, books)
        zone = mappings.pair_between(ledger, store, books).policy.zone
    if json_:
        print_json(found)
    else:
        _show(found, zone)
    return NEEDS_A_PERSON if found.missing or any(one.trouble for one in found.entries) else FINE


def _show(found: MappingView, zone: str) -> None:
    say(f"{found.store} → {found.books}", "bold")
    if found.version:
        said = {"version": found.version, "who": found.who, "when": moment(found.at, zone)}
        say(_("Version %(version)s, by %(who)s, %(when)s", **said))
    else:
        say(_("Nothing is mapped yet: the books' connection takes what it was set up with."))
    rows = [(one.word, one.id, one.name, spoken(one.trouble)) for one in found.entries]
    if rows:
        show(table("", [_("Word"), _("Means"), _("In the books"), _("Trouble")], rows))
    if found.missing:
        say(_("Missing: %(words)s. Nothing that needs it is posted.", words=", ".join(found.missing)), "red")
    if found.waiting:
        say(_("%(count)s records wait for the mapping.", count=count(found.waiting)), "red")


@command(
    "set",
    help=N_(
        "Set words: account:ROLE, method:NAME, tax:RATE, tax:RATE@PLACE, warehouse:LOCATION, dimension:KIND, each =ID "
        "(or a code or a unique name of the books; nothing behind = takes it off). A rule has its conditions in "
        "brackets: account:sales[code=BOOK-,place=SG]=ID. require=tax,account:sales lets nothing be posted without "
        "them. What waits is planned again; what was posted stays as it is."
    ),
)
@argument("store", help=_STORE)
@argument("books", help=_BOOKS)
@argument("words", nargs=-1, required=True, metavar=N_("WORD=ID…"), help=N_("What is to be set."))
@option("--note", default="", help=N_("Why; it stands in the history."))
@as_json
def set_(store: str, books: str, words: tuple[str, ...], note: str, json_: bool) -> int:
    chosen: dict[str, str] = {}
    for text in words:
        # The conditions of a rule have equals signs of their own.
        at = text.find("]=") + 1 or text.find("=")
        if at < 1:
            raise click.UsageError(_("%(word)s has no value: write WORD=ID.", word=text))
        chosen[text[:at].strip()] = text[at + 1 :].strip()
    here = session()

    def local(ledger: Ledger) -> MappingChanged:
        return mapping_changes.set_words(ledger, store, books, chosen, here.now(), here.who, note)

    body = {"store": store, "books": books, "words": chosen, "note": note}
    return _changed(here.change(local, "/mapping", body, MappingChanged), json_)


def _changed(done: MappingChanged, json_: bool) -> int:
    if json_:
        print_json(done)
        return FINE
    for word in dict.fromkeys([*done.before, *done.after]):
        say(f"{word}: {done.before.get(word, '–')} → {done.after.get(word, '–')}")
    if not (done.before or done.after):
        say(_("Nothing changed; version %(version)s stays in force.", version=done.version))
    else:
        say(
            _(
                "Version %(version)s of the mapping is in force; %(replanned)s waiting records are planned again.",
                version=done.version,
                replanned=count(done.replanned),
            )
        )
    return FINE


@command(
    "propose",
    help=N_(
        "What the books' own chart proposes for words that are not set: by the type of an account first, then its code "
        "and name, never by the name alone. Where two fit alike, both are shown and none is proposed."
    ),
)
@argument("store", help=_STORE)
@argument("books", help=_BOOKS)
@as_json
def propose(store: str, books: str, json_: bool) -> int:
    with session().reading() as ledger:
        found = mapping_changes.proposals(ledger, store, books)
    if json_:
        print_json(found)
    else:
        _proposed(found)
    return FINE


def _proposed(found: MappingProposals) -> None:
    if not found.read:
        say(_("The chart was not read yet: run `selaras sweep` once, or keep `selaras serve` running."))
        return
    rows = []
    for one in found.proposals:
        for candidate in one.candidates:
            mark = "✔" if candidate.id == one.chosen else "?"
            why = "; ".join(spoken(reason) for reason in candidate.reasons)
            rows.append((mark, one.word, candidate.id, candidate.name, why))
        if not one.candidates:
            rows.append(("–", one.word, "", "", _("nothing of the chart fits")))
    show(table("", ["", _("Word"), _("Id"), _("In the books"), _("Why")], rows))
    clear = sum(1 for one in found.proposals if one.chosen)
    say(_("%(count)s are clear: `selaras mapping accept %(store)s %(books)s` takes them over.",
          count=count(clear), store=found.store, books=found.books))  # fmt: skip


@command("accept", help=N_("Accept proposals: these words, or without any all that are clear (marked ✔)."))
@argument("store", help=_STORE)
@argument("books", help=_BOOKS)
@argument("words", nargs=-1, metavar=N_("[WORD…]"), help=N_("Words whose proposals are accepted."))
@as_json
def accept(store: str, books: str, words: tuple[str, ...], json_: bool) -> int:
    here = session()

    def local(ledger: Ledger) -> MappingChanged:
        return mapping_changes.accept(ledger, store, books, words, here.now(), here.who)

    body = {"store": store, "books": books, "words": list(words)}
    return _changed(here.change(local, "/mapping/accept", body, MappingChanged), json_)


@command(
    "export",
    help=N_("The mapping as a TOML file, with the books' names as comments; `mapping import` takes it over again."),
)
@argument("store", help=_STORE)
@argument("books", help=_BOOKS)
@option("--out", type=click.Path(dir_okay=False), help=N_("File to write; without it standard output."))
@option("--version", type=click.IntRange(1), help=N_("An earlier version."))
def export(store: str, books: str, out: str | None, version: int | None) -> int:
    with session().reading() as ledger:
        text = mapping_changes.export_text(ledger, store, books, version)
    if out is None:
        click.echo(text, nl=False)
    else:
        Path(out).write_text(text, encoding="utf-8")
        say(_("Written to %(path)s.", path=out))
    return FINE


@command(
    "import",
    help=N_(
        "Take a TOML or JSON file over (- reads standard input): the mapping then says exactly what the file says. "
        "With one wrong line nothing is taken."
    ),
)
@argument("store", help=_STORE)
@argument("books", help=_BOOKS)
@argument("file", type=click.Path(dir_okay=False, allow_dash=True), help=N_("TOML or JSON file."))
@option("--note", default="", help=N_("Why; it stands in the history."))
@as_json
def import_(store: str, books: str, file: str, note: str, json_: bool) -> int:
    text, here = read_text(file), session()

    def local(ledger: Ledger) -> MappingChanged:
        return mapping_changes.import_text(ledger, store, books, text, here.now(), here.who, note)

    body = {"store": store, "books": books, "text": text, "note": note}
    return _changed(here.change(local, "/mapping/file", body, MappingChanged), json_)


@command("history", help=N_("Every version of the mapping: when, by whom, why, and what it changed."))
@argument("store", help=_STORE)
@argument("books", help=_BOOKS)
@option("--back-to", type=click.IntRange(1), help=N_("Say again what this version said, as a new version."))
@as_json
def history(store: str, books: str, back_to: int | None, json_: bool) -> int:
    here = session()
    if back_to is not None:
        version = back_to

        def local(ledger: Ledger) -> MappingChanged:
            return mapping_changes.go_back(ledger, store, books, version, here.now(), here.who)

        body = {"store": store, "books": books, "version": version}
        return _changed(here.change(local, "/mapping/back", body, MappingChanged), json_)
    with here.reading() as ledger:
        found = mappings.history(ledger, store, books)
        zone = mappings.pair_between(ledger, store, books).policy.zone
    if json_:
        print_json(found)
        return FINE
    for one in found:
        say(f"{one.version}.  {moment(one.at, zone)}  {one.who}  {one.note}".rstrip(), "bold")
        for word in dict.fromkeys([*one.before, *one.after]):
            say(f"    {word}: {one.before.get(word, '–')} → {one.after.get(word, '–')}")
    if not found:
        say(_("Nothing is mapped yet: the books' connection takes what it was set up with."))
    return FINE


@command("chart", help=N_("The accounts, taxes, warehouses and dimensions of the books, as last read."))
@argument("books", help=_BOOKS)
@as_json
def chart(books: str, json_: bool) -> int:
    with session().reading() as ledger:
        ledger.connections.get(books)
        found = chart_of(ledger, books)
    if json_:
        print_json(found)
        return FINE
    rows: list[tuple[str, str, str, str, bool]]
    rows = [("account", a.id, f"{a.code} {a.name}".strip(), a.type, a.active) for a in found.accounts.values()]
    rows += [("tax", t.id, t.name, f"{percent(t.rate)} % {t.place}".strip(), t.active) for t in found.taxes.values()]
    rows += [("warehouse", w.id, w.name, "", w.active) for w in found.warehouses.values()]
    rows += [("dimension", d.id, d.name, d.kind, d.active) for d in found.dimensions.values()]
    if not rows:
        say(_("The chart was not read yet: run `selaras sweep` once, or keep `selaras serve` running."))
        return FINE
    columns = [_("Kind"), _("Id"), _("Name"), _("Type"), _("In use")]
    show(table("", columns, [(*row[:4], _("yes") if row[4] else _("no")) for row in rows]))
    return FINE


for made in (show_, set_, propose, accept, export, import_, history, chart):
    mapping.add_command(made)
