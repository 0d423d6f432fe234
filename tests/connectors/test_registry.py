"""The registry: one door for our connectors and those of others."""

from __future__ import annotations

import sys
import types as python_types
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import msgspec
import pytest

from selaras.connectors import registry as module
from selaras.connectors.contract import Connector, ConnectorType, Settings, Tools
from selaras.connectors.registry import GROUP, Registry, UnknownConnector


def build(settings: Settings, tools: Tools) -> Connector:
    raise AssertionError("never built here")


def a_type(name: str) -> ConnectorType:
    return ConnectorType(name=name, title=name.title(), role="store", settings=(), build=build)


@pytest.fixture
def package() -> Iterator[python_types.ModuleType]:
    """A module of another package that offers connectors."""
    made = python_types.ModuleType("elsewhere_shop")
    sys.modules["elsewhere_shop"] = made
    made.__dict__.update(WOO=a_type("woocommerce"), SHOPIFY=a_type("shopify"), JURNAL=a_type("jurnal"), WORD="no")
    yield made
    del sys.modules["elsewhere_shop"]


def entry(name: str, attribute: str, module_name: str = "elsewhere_shop") -> EntryPoint:
    return EntryPoint(name=name, value=f"{module_name}:{attribute}", group=GROUP)


def test_a_package_offers_a_connector(package: python_types.ModuleType) -> None:
    found = Registry([entry("woocommerce", "WOO")])
    assert found.get("woocommerce") is package.WOO
    assert dict(found.types) == {"woocommerce": package.WOO}


@pytest.mark.parametrize(
    ("name", "near"),
    [("woocomerce", ["woocommerce"]), ("Shopify", ["shopify"]), ("jurnal-id", ["jurnal"]), ("xyzzy", [])],
)
def test_an_unknown_name_is_answered_with_what_comes_near(
    package: python_types.ModuleType, name: str, near: list[str]
) -> None:
    found = Registry([entry("woocommerce", "WOO"), entry("shopify", "SHOPIFY"), entry("jurnal", "JURNAL")])
    with pytest.raises(UnknownConnector) as caught:
        found.get(name)
    assert caught.value.near == near
    for hint in near or ["jurnal, shopify, woocommerce"]:
        assert hint in str(caught.value)


def test_with_none_installed_it_says_so() -> None:
    with pytest.raises(UnknownConnector, match="none is installed"):
        Registry([]).get("anything")


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (entry("gone", "X", "no_such_package"), "ModuleNotFoundError"),
        (entry("gone", "NOTHING"), "AttributeError"),
        (entry("word", "WORD"), "not a ConnectorType"),
        (entry("alias", "JURNAL"), "calls itself 'jurnal'"),
    ],
)
def test_a_broken_connector_is_left_out_and_told_and_harms_no_other(
    package: python_types.ModuleType, broken: EntryPoint, why: str
) -> None:
    found = Registry([broken, entry("woocommerce", "WOO")])
    assert list(found.types) == ["woocommerce"]
    assert why in next(iter(found.broken.values()))


def test_a_package_cannot_take_our_name(package: python_types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = python_types.ModuleType("selaras.connectors.zz_ours")
    ours.__dict__["CONNECTOR"] = a_type("woocommerce")
    monkeypatch.setitem(sys.modules, "selaras.connectors.zz_ours", ours)
    theirs = entry("woocommerce", "WOO")
    mine = entry("woocommerce", "CONNECTOR", "selaras.connectors.zz_ours")
    for order in ([theirs, mine], [mine, theirs]):
        found = Registry(order)
        assert found.get("woocommerce") is ours.__dict__["CONNECTOR"]
        assert "taken" in next(iter(found.broken.values()))


def test_the_same_connector_entered_twice_is_no_conflict(package: python_types.ModuleType) -> None:
    found = Registry([entry("woocommerce", "WOO"), entry("woocommerce", "WOO")])
    assert list(found.types) == ["woocommerce"]
    assert found.broken == {}


def test_our_own_folders_are_found_without_installed_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    folders = {e.name for e in module._our_folders()}
    assert not folders & {"contract", "kit"}
    found = Registry()
    assert set(found.types) == folders
    assert found.broken == {}


def test_every_connector_of_ours_is_fit_to_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in module.types().items():
        assert module.get(name) is kind
        assert kind.title
        assert kind.role in ("store", "books", "bank", "gateway", "files")
        names = [s.name for s in kind.settings]
        assert len(names) == len(set(names))
        assert msgspec.structs.asdict(kind)["build"] is kind.build
