"""docs/reference/cli.md tells the truth: every command, every variable, and the keys of every JSON answer."""

from __future__ import annotations

import re

import msgspec
import pytest

from selaras.cli import asking, connect, house, main, session, statement
from selaras.connectors.contract import Check, Finding
from selaras.ledger.backup import Verified
from selaras.model.statement import StatementLine
from selaras.rules import autonomy, catalogue, certificate, mapping, plan_types, products, proposals, rate_card
from selaras.sync import (
    changes,
    checking,
    explain,
    feeds,
    figures,
    hub,
    mapping_changes,
    mappings,
    money_decisions,
    money_explaining,
    operations,
    payout_report,
    sweep,
)
from tests.house.walls import ROOT

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
ANSWERS = [
    *(getattr(operations, name) for name in operations.__all__ if isinstance(getattr(operations, name), type)),
    explain.Sighting, changes.Change, explain.BuyerMatch, explain.CodeMatch, explain.Sent, explain.Try, explain.Linked,
    explain.Waiting, figures.Sum, catalogue.CatalogueReport, catalogue.Pair, products.ProductMatch, products.Proposal,
    catalogue.Doubled, catalogue.NearMiss, sweep.Swept, sweep.Difference, certificate.Checked, certificate.Fault,
    connect.TypeInfo, checking.CheckAnswer, Check, Finding, hub.Pair, plan_types.Policy, house.Event, Verified,
    house.Version, explain.Chosen, mappings.MappingView, mappings.Entry, mappings.MappingChanged,
    mappings.MappingHistory, mapping_changes.MappingProposals, proposals.Proposed, proposals.Possible, mapping.Chart,
    statement.StatementsSeen, statement.StatementSeen, statement.StatementRefused, statement.StatementsMerged,
    statement.LayoutSeen, StatementLine,
    money_decisions.OpenMoney, money_decisions.Proposal, money_decisions.Part, money_decisions.MoneyLinked,
    money_decisions.MoneyUndone, money_decisions.Refused, money_decisions.RuleStanding, autonomy.Autonomy, feeds.Feed,
    money_explaining.MoneyShare, money_explaining.MoneySuggested, money_explaining.WrittenOff,
    payout_report.PayoutReport, payout_report.PayoutLine, payout_report.OpenItem, payout_report.FeeFound,
    rate_card.Rate,
]  # fmt: skip


def told() -> dict[str, list[set[str]]]:
    """Type name → the sets of keys that the page gives under this name."""
    found: dict[str, list[set[str]]] = {}
    for name, keys in re.findall(r"^\* (\w+): ((?:`\w+`[,\s]*)+)$", PAGE, re.MULTILINE):
        found.setdefault(name, []).append(set(re.findall(r"`(\w+)`", keys)))
    return found


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_the_keys_of_an_answer_are_those_of_the_page(kind: type[msgspec.Struct]) -> None:
    assert {field.encode_name for field in msgspec.structs.fields(kind)} in told().get(kind.__name__, [])


def test_nothing_else_is_promised() -> None:
    assert set(told()) == {kind.__name__ for kind in ANSWERS}


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_is_on_the_page(name: str) -> None:
    assert re.search(rf"`(?:selaras )?{name}\b", PAGE) or re.search(rf"^selaras {name}\b", PAGE, re.MULTILINE)


def test_every_variable_is_on_the_page() -> None:
    for variable in (
        session.DATA,
        session.DATABASE,
        session.WHO,
        asking.SECRET,
        asking.PLAIN,
        "SELARAS_KEY",
        "SELARAS_LANG",
        "SELARAS_DEBUG",
    ):
        assert variable in PAGE
