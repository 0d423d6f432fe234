"""Reading pages as a machine that helps people does: headings, labels, tables, links."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


class Page(HTMLParser):
    """What stands in a page. `problems` says what a person who cannot see or cannot point would stumble over."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lang = ""
        self.title = ""
        self.headings: list[int] = []
        self.links: list[str] = []
        self.problems: list[str] = []
        self.text: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self._labels: set[str] = set()
        self._inputs: list[dict[str, str | None]] = []
        self._ids: set[str] = set()
        self._refers: list[str] = []
        self.feed(html)
        self.close()
        self._finish()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if len(given) != len(attrs):
            self.problems.append(f"<{tag}> has an attribute twice")
        for name in given:
            if name.startswith("on") or name == "style":
                self.problems.append(f"<{tag}> has {name}, which the policy forbids")
        if "id" in given:
            if given["id"] in self._ids:
                self.problems.append(f"id {given['id']} stands twice")
            self._ids.add(str(given["id"]))
        for name in ("aria-labelledby", "aria-describedby", "for"):
            if given.get(name):
                self._refers += str(given[name]).split()
        self._look(tag, given)
        if tag not in VOID:
            self._open.append((tag, given))

    def _look(self, tag: str, given: dict[str, str | None]) -> None:
        if tag == "html":
            self.lang = given.get("lang") or ""
        elif tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        elif tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "label":
            self._labels.add(given.get("for") or "")
        elif tag == "input" and given.get("type") != "hidden":
            self._inputs.append(given)
        elif tag == "img" and "alt" not in given:
            self.problems.append("an image has no alt")
        elif tag == "th" and given.get("scope") not in ("col", "row"):
            self.problems.append("a table header has no scope")
        elif tag == "svg" and given.get("aria-hidden") != "true" and not given.get("aria-label"):
            self.problems.append("a drawing has no name and is not hidden")
        elif tag == "script" and not given.get("src"):
            self.problems.append("a script stands in the page")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.problems.append(f"</{tag}> closes <{self._open[-1][0] if self._open else 'nothing'}>")
        else:
            self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _given in self._open]
        if "title" in tags:
            self.title += data
        elif "script" not in tags and data.strip():
            self.text.append(data.strip())

    def _finish(self) -> None:
        if self._open:
            self.problems.append(f"left open: {self._open}")
        if not self.title.strip():
            self.problems.append("no title")
        if self.headings.count(1) < 1 or self.headings[0] != 1:
            self.problems.append(f"the first heading is not the first of the page: {self.headings}")
        for before, after in zip(self.headings, self.headings[1:], strict=False):
            if after > before + 1:
                self.problems.append(f"headings jump from {before} to {after}: {self.headings}")
        for given in self._inputs:
            if given.get("id") not in self._labels and not given.get("aria-label"):
                self.problems.append(f"an input has no label: {given}")
        missing = [name for name in self._refers if name not in self._ids]
        if missing:
            self.problems.append(f"refers to ids that are not there: {missing}")
