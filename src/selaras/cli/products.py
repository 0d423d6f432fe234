"""`selaras products`: compare the catalogues, accept pairs by hand, by CSV or by rule, export."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, by_store, command, group, option
from selaras.cli.session import session
from selaras.cli.show import count, print_json, say, show, table
from selaras.i18n import N_, _
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.sync import catalogues
from selaras.sync.catalogues import Accepted, Catalogues
from selaras.sync.sentences import spoken


@group("products", help=N_("Compare the catalogues of a store and its books, and say which codes mean the same."))
def products() -> None:
    pass


@command(
    "report",
    help=N_(
        "Matched, unmatched and doubled codes, and near misses with their reasons, as last read. Exit code 1 when a "
        "code sold in the store is not matched."
    ),
)
@by_store
@as_json
def report(store: str | None, json_: bool) -> int:
    with session().reading() as ledger:
        found = catalogues.products(ledger, store)
    if json_:
        print_json(found)
    else:
        _show(found)
    return NEEDS_A_PERSON if found.report.unmatched_store or found.report.doubled_books else FINE


def _show(found: Catalogues) -> None:
    r = found.report
    say(
        _(
            "%(store)s sells %(ours)s products, %(books)s knows %(theirs)s; %(matched)s codes are matched.",
            store=found.store,
            ours=count(found.store_products),
            books=found.books,
            theirs=count(found.books_products),
            matched=count(len(r.matched)),
        )
    )
    if r.unmatched_store:
        rows = [
            (m.code, ", ".join(p.code for p in m.proposals), " ".join(spoken(reason) for reason in m.reasons))
            for m in r.unmatched_store
        ]
        columns = [_("Code in the store"), _("Proposed"), _("Why")]
        show("", table(_("Not matched"), columns, rows))
    for title, doubled in ((_("Doubled in the store"), r.doubled_store), (_("Doubled in the books"), r.doubled_books)):
        if doubled:
            show("", table(title, [_("Code"), _("Ids")], [(d.code, ", ".join(d.ids)) for d in doubled]))
    for title, names in (
        (_("Without a code in the store"), r.without_code_store),
        (_("Without a code in the books"), r.without_code_books),
    ):
        if names:
            show("", table(title, [_("Product")], [(name,) for name in names]))


@command(
    "accept",
    help=N_(
        "Accept that a store code means a code of the books: `products accept STORE_CODE BOOKS_CODE`, or by rule with "
        "--rule: near misses of that kind with one candidate on each side. Blocked orders are planned again."
    ),
)
@argument("codes", nargs=-1, metavar=N_("[STORE_CODE BOOKS_CODE]"), help=N_("The two codes."))
@option(
    "--rule", "kinds", multiple=True, metavar=N_("KIND"),
    help=N_("Accept near misses of a kind: case, spaces, dashes, leading_zeros, look_alike, one_letter, same_name."),
)  # fmt: skip
@by_store
@as_json
def accept(codes: tuple[str, ...], kinds: tuple[str, ...], store: str | None, json_: bool) -> int:
    here = session()
    if kinds and not codes:

        def by_rule(ledger: Ledger) -> Accepted:
            return catalogues.accept_products_by_rule(ledger, kinds, here.now(), here.who, store)

        done = here.change(by_rule, "/products/rule", {"kinds": kinds, "store": store}, Accepted)
    elif len(codes) == 2 and not kinds:

        def by_hand(ledger: Ledger) -> Accepted:
            return catalogues.accept_product(ledger, codes[0], codes[1], here.now(), here.who, store)

        body = {"store_code": codes[0], "books_code": codes[1], "store": store}
        done = here.change(by_hand, "/products", body, Accepted)
    else:
        raise click.UsageError(_("Give a store code and a code of the books, or --rule."))
    return _accepted(done, json_)


def _accepted(done: Accepted, json_: bool) -> int:
    if json_:
        print_json(done)
    else:
        for code, other in done.accepted.items():
            say(f"{code} = {other}")
        for row in done.refused:
            say(spoken(row.message), "red")
        say(
            _(
                "%(accepted)s pairs accepted, %(unchanged)s held already, %(refused)s rows refused; "
                "%(replanned)s blocked records are planned again.",
                accepted=count(len(done.accepted)),
                unchanged=count(done.unchanged),
                refused=count(len(done.refused)),
                replanned=count(done.replanned),
            )
        )
    return NEEDS_A_PERSON if done.refused else FINE


@command(
    "import",
    help=N_(
        "Accept pairs from a CSV file with the columns store_code and books_code (- reads standard input). A wrong "
        "row is refused with its line and column, the rest is taken. Exit code 1 when a row was refused."
    ),
)
@argument("file", type=click.Path(dir_okay=False, allow_dash=True), help=N_("CSV file."))
@by_store
@as_json
def import_(file: str, store: str | None, json_: bool) -> int:
    text = read_text(file)
    here = session()

    def local(ledger: Ledger) -> Accepted:
        return catalogues.import_products(ledger, text, here.now(), here.who, store)

    return _accepted(here.change(local, "/products/csv", {"csv": text, "store": store}, Accepted), json_)


def read_text(file: str) -> str:
    """A file (- is standard input) as text. Raises `LedgerError` with the line where it is not UTF-8."""
    raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise LedgerError(
            f"{file}, line {line}: this is not UTF-8 text.", "Save the table as CSV in UTF-8 and try again."
        ) from None


@command("export", help=N_("The comparison as CSV: fill in books_code where it is empty and import the file."))
@option("--out", type=click.Path(dir_okay=False), help=N_("File to write; without it standard output."))
@option("--open", "only_open", is_flag=True, help=N_("Only codes that are not matched."))
@by_store
def export(out: str | None, only_open: bool, store: str | None) -> int:
    with session().reading() as ledger:
        text = catalogues.export_products(ledger, store, only_open=only_open)
    if out is None:
        click.echo(text, nl=False)
    else:
        # With a mark at its beginning spreadsheets read it as UTF-8.
        Path(out).write_text("\ufeff" + text, encoding="utf-8", newline="")
        say(_("Written to %(path)s.", path=out))
    return FINE


for made in (report, accept, import_, export):
    products.add_command(made)
