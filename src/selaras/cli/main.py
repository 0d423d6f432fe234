"""The program `selaras`."""

from __future__ import annotations

from typing import Final, NoReturn

from selaras.cli.base import Program
from selaras.i18n import N_

# Name → module, attribute, and what it is for. Nothing of it is imported before it is called.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "demo": ("selaras.cli.demo", "command", N_("Play the bad day of a web store and watch the books stay true.")),
    "serve": ("selaras.cli.serve", "serve", N_("Run everything: the engine, the console, webhooks and the API.")),
    "connect": ("selaras.cli.connect", "connect", N_("Connect a store, books or a bank, and sign in.")),
    "connections": ("selaras.cli.connections", "connections", N_("List, check and remove connections.")),
    "pair": ("selaras.cli.pair", "pair", N_("Keep a store in books, under a policy.")),
    "mapping": ("selaras.cli.mapping", "mapping", N_("Which account, tax and warehouse of the books is meant.")),
    "schedule": ("selaras.cli.pair", "schedule", N_("How often each kind of record is synchronised.")),
    "coverage": ("selaras.cli.coverage", "coverage", N_("Seen = posted + waiting + blocked + skipped, by day.")),
    "objectives": ("selaras.cli.coverage", "objectives", N_("Orders recorded, stock accuracy, cancellations, by day.")),
    "explain": ("selaras.cli.explain", "explain", N_("What was seen, decided and sent of a record, and why.")),
    "stock": ("selaras.cli.explain", "stock", N_("What was offered of a product code, why, and the answer.")),
    "blocked": ("selaras.cli.blocked", "blocked", N_("What needs a person, by cause, with the cure.")),
    "retry": ("selaras.cli.blocked", "retry", N_("Try blocked records again.")),
    "skip": ("selaras.cli.blocked", "skip", N_("Decide that something blocked shall not be sent, and say why.")),
    "unmatched": ("selaras.cli.money", "unmatched", N_("Incoming money that waits for a person, and what it may be.")),
    "accept": ("selaras.cli.money", "accept", N_("Accept what is proposed for incoming money.")),
    "refuse": ("selaras.cli.money", "refuse", N_("None of what is proposed for incoming money is right.")),
    "link": ("selaras.cli.decide", "link", N_("Say which order a payment pays, or which document a record is.")),
    "contacts": ("selaras.cli.decide", "contacts", N_("Buyers who may be several contacts.")),
    "undo": ("selaras.cli.decide", "undo", N_("Take a decision back.")),
    "products": ("selaras.cli.products", "products", N_("Compare the catalogues and accept pairs of codes.")),
    "autonomy": ("selaras.cli.money", "autonomy", N_("Which matching rules post alone, and why.")),
    "feed": ("selaras.cli.feed", "feed", N_("Bank and gateway connections whose money is booked, and where.")),
    "payouts": ("selaras.cli.payouts", "payouts", N_("Payouts against orders and bank, and their fees.")),
    "unique-amount": (
        "selaras.cli.unique_amount",
        "unique_amount",
        N_("Amounts that tell which bill a transfer pays (kode unik)."),
    ),
    "files": ("selaras.cli.files", "files", N_("See what a file would be read as, and save its columns by name.")),
    "plan": ("selaras.cli.plan", "plan", N_("The exact documents that would be posted; nothing is written.")),
    "backfill": ("selaras.cli.backfill", "backfill", N_("Post older orders; what stands already is found and linked.")),
    "differences": (
        "selaras.cli.differences",
        "differences",
        N_("What people changed in the books, side by side."),
    ),
    "sweep": ("selaras.cli.sweep", "sweep", N_("Compare both sides whole and count.")),
    "certify": ("selaras.cli.certify", "certify", N_("Write or check the certificate of a month.")),
    "events": ("selaras.cli.house", "events", N_("What happened that a person may need to know.")),
    "backup": ("selaras.cli.house", "backup", N_("Copy the ledger while it is in use, and verify the copy.")),
    "version": ("selaras.cli.house", "version", N_("The version of the program and what it runs on.")),
    "statement": ("selaras.cli.statement", "statement", N_("Check bank statements and merge overlapping exports.")),
    "match": ("selaras.cli.match", "match", N_("Find what each incoming amount pays, from files to a file.")),
    "settlement": (
        "selaras.cli.settlement",
        "settlement",
        N_("Read the settlement files of gateways and marketplaces."),
    ),
    "replay": ("selaras.cli.replay", "command", N_("Replay a claim from recorded data.")),
    "chaos": ("selaras.cli.chaos", "command", N_("Let everything fail on purpose, again and again, and count.")),
    "bench": ("selaras.cli.bench", "command", N_("Measure on this machine.")),
}

cli = Program(
    COMMANDS,
    name="selaras",
    help=N_("Keeps what a business sells and what its books say the same, to the last rupiah, and proves it."),
    epilog=None,
    no_args_is_help=True,
)


def main() -> NoReturn:
    """The entry point."""
    cli.main()
    raise SystemExit(0)


if __name__ == "__main__":
    main()
