"""The same console and API over PostgreSQL: every page and every question, on a reading connection of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.web.pages import Page
from tests.web.stage import a_stage
from tests.web.test_api import READING, path_of
from tests.web.test_pages import PAGES, fill


async def test_everything_that_reads_reads(tmp_path: Path, pg_dsn: str) -> None:
    async with a_stage(tmp_path, open_read=True, database=pg_dsn) as stage:
        await stage.hub.desk(fill, stage)
        for path in PAGES:
            status, html = await stage.page(path)
            assert (status, Page(html).problems) == (200, []), path
        for op in READING:
            async with stage.http.get(f"{stage.url}/api/v1{path_of(op).replace('1001', '1000')}") as answer:
                raw = await answer.read()
                assert answer.status == 200, (op.name, raw)
                assert msgspec.json.decode(raw) is not None
        async with stage.http.get(f"{stage.url}/metrics") as answer:
            assert 'selaras_records{connection="toko",kind="order",status="posted"} 3.0' in await answer.text()
        assert (await stage.page("/healthz"))[0] == 200
