"""Payouts without a report: each line is explained by the orders that a channel had to pay.

First the lines that come out exactly: the orders of neighbouring days, less the learnt fee. Then what the channel's
days of payout leave open, all lines of it together: orders held back, carried in, given back (`flow`). Last the lines
of payers that pay two ways of paying in one sum (`mixed`). Nothing is linked that has a likely rival
(reference/reconciliation.md §3.2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE, METHODS, LineColumns, OrderColumns
from selaras.model.money import EXPONENTS
from selaras.rules.matching.fee_learning import learn
from selaras.rules.matching.fees import LIMITS, Channel, channel_of
from selaras.rules.matching.followed import Followed
from selaras.rules.matching.text import told_gross
from selaras.rules.matching.transfers import Link

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_EXACT: Final = 0.9995
_DUE: Final = 0.9


def match_unreported(
    orders: OrderColumns, lines: LineColumns, free: Bools, payers: Mapping[int, str]
) -> tuple[list[Link], Bools]:
    """Links of payout lines, of which each is known by its payer, with the orders that they must bring, and which lines
    were explained."""
    taken = np.zeros(len(lines), dtype=bool)
    links: list[Link] = []
    told = np.zeros(len(lines), dtype=bool)
    told[[line for line in payers if free[line]]] = True
    booked, amount = np.frombuffer(lines.booked, dtype=np.int64), np.frombuffer(lines.amount, dtype=np.int64)
    method = np.frombuffer(orders.method, dtype=np.int64)
    groups: list[_Work] = []
    told_grosses = _grosses(lines, told)
    for number, name in enumerate(METHODS):
        if name == "transfer":
            continue
        for currency in sorted({orders.currencies[i] for i in np.flatnonzero(method == number)}):
            of = [i for i in np.flatnonzero(told).tolist() if lines.currencies[i] == currency]
            of.sort(key=lambda i: (int(booked[i]), lines.ids[i]))
            work = _Work(currency, channel_of(orders, number, currency), *LIMITS[name], of)
            work.told = told_grosses
            if work.learns(booked, amount, payers) or any(i in told_grosses for i in of):
                groups.append(work)
    # All that is exact first, whatever the channel; then what only its days of payout tell.
    for work in groups:
        work.exact(booked, amount, taken, links)
    paid = np.zeros(len(orders), dtype=bool)
    paid[[link.order for link in links]] = True
    for currency in sorted({lines.currencies[i] for i in np.flatnonzero(told).tolist()}):
        followed = Followed(orders, lines, payers, told, currency, taken, paid)
        for work in groups:
            if work.currency == currency:
                followed.single(work.channel, work.claims)
        followed.mixed()
        links += followed.links()
    for work in groups:
        work.due(booked, amount, taken, links)
    return links, taken


def _grosses(lines: LineColumns, told: Bools) -> dict[int, int]:
    """Grosses that the texts of card and QRIS batches name, in `FINE` units, by line."""
    found = {}
    for line in np.flatnonzero(told).tolist():
        gross = told_gross(lines.descriptions[line])
        if gross and lines.currencies[line] in EXPONENTS:
            whole, _, part = gross.partition(".")
            scale = FINE * int(10 ** EXPONENTS[lines.currencies[line]])
            found[line] = int(whole) * scale + int(part or "0") * scale // 100
    return found


class _Work:
    """One channel under way: which of its days are paid out already."""

    def __init__(self, currency: str, channel: Channel, most_days: int, most_lag: int, lines: list[int]) -> None:
        self.currency = currency
        self.channel, self.most_days, self.most_lag, self.lines = channel, most_days, most_lag, lines
        self.paid = np.zeros(len(channel.days), dtype=bool)
        self.lags: Counter[int] = Counter()
        self.claims: list[tuple[int, tuple[int, int]]] = []
        self.told: dict[int, int] = {}

    def learns(self, booked: Ints, amount: Ints, payers: Mapping[int, str]) -> bool:
        lines = [(int(booked[i]), int(amount[i]), payers[i]) for i in self.lines]
        return learn(self.channel, lines, self.most_days, self.most_lag) > 0

    def _lag(self, booked: int, last: int) -> int:
        return booked - int(self.channel.days[last])

    def exact(self, booked: Ints, amount: Ints, taken: Bools, links: list[Link]) -> None:
        """Lines that come out without any edit, the ones with a single answer first."""
        waiting: list[tuple[int, list[tuple[int, int]]]] = []
        for line in self.lines:
            if not taken[line]:
                if line in self.told:
                    runs = self.channel.of_gross(int(booked[line]), self.told[line], self.most_days, self.most_lag)
                else:
                    runs = self.channel.exact(int(booked[line]), int(amount[line]), self.most_days, self.most_lag)
                if runs:
                    waiting.append((line, runs))
        # A channel pays after its own number of days; a sum that fits after another number fits by chance.
        told = Counter(self._lag(int(booked[line]), run[1]) for line, runs in waiting for run in runs)
        rare = max(1, sum(told.values()) // 40) if sum(told.values()) >= 12 else 0
        for line, runs in sorted(waiting, key=lambda w: len(w[1])):
            runs = [run for run in runs if told[self._lag(int(booked[line]), run[1])] > rare]
            open_runs = [run for run in runs if not self.paid[run[0] : run[1] + 1].any()]
            if len(open_runs) > 1 and self.lags:
                usual = self.lags.most_common(1)[0][0]
                open_runs.sort(key=lambda run: (abs(self._lag(int(booked[line]), run[1]) - usual), run))
            if open_runs:
                self._claim(line, open_runs[0], booked, taken)
                self._link(line, open_runs[0], _EXACT, links)

    def _claim(self, line: int, run: tuple[int, int], booked: Ints, taken: Bools) -> None:
        taken[line] = True
        self.paid[run[0] : run[1] + 1] = True
        self.lags[self._lag(int(booked[line]), run[1])] += 1
        self.claims.append((line, run))

    def _link(
        self, line: int, run: tuple[int, int], chance: float, links: list[Link], evidence: str = "fee_schedule"
    ) -> None:
        channel = self.channel
        for at in range(int(channel.starts[run[0]]), int(channel.ends[run[1]])):
            links.append(
                Link(
                    line, int(channel.rows[at]), int(channel.net[at]), chance, "payout", (evidence, "sum"), 1,
                    auto=chance >= 0.99,
                )
            )  # fmt: skip

    def due(self, booked: Ints, amount: Ints, taken: Bools, links: list[Link]) -> None:
        """What is left: the run that was due, if it is the only one and nearly comes out; a person decides."""
        if not self.lags:
            return
        usual = self.lags.most_common(1)[0][0]
        for line in self.lines:
            if taken[line]:
                continue
            fitting = []
            for run in self.channel.runs(int(booked[line]), self.most_days, self.most_lag):
                if self.paid[run[0] : run[1] + 1].any() or self._lag(int(booked[line]), run[1]) != usual:
                    continue
                net = self.channel.pays(*run)
                if abs(net - int(amount[line])) * 100 <= net * 15:
                    fitting.append(run)
            if len(fitting) == 1:
                self._claim(line, fitting[0], booked, taken)
                self._link(line, fitting[0], _DUE, links, "due_day")
