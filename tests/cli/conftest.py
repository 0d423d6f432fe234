"""Where nothing else is said, a house with nothing connected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.door import GOODS, KEPT
from tests.cli.install import House, a_house


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Both servers, nothing connected; each test takes a data directory of its own."""
    with a_house(
        tmp_path_factory.mktemp("none"), before=lambda h: h.products(*GOODS, books=KEPT), connect=False
    ) as house:
        yield house


@pytest.fixture
def house(sides: House, tmp_path: Path) -> House:
    return House(tmp_path / "data", sides.store, sides.books)
