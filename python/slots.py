"""Random words for the sentence generator: names, figures, dates, and the slots of lexicon.py's entries."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

import lexicon as lex

T = TypeVar("T")

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"]
SYLLABLES = "ar bel cor dan el fen gar hol ist jor kar lan mor nor or pel qui ros sal tor ul ven wes yar zen bro cal stra".split()
ENDINGS = [
    "",
    "",
    "",
    " Group",
    " Oyj",
    " AB",
    " Corp",
    " Bank",
    " Industries",
    " Energy",
    " Pharma",
    " Foods",
    " plc",
    " & Co",
    " Motors",
    " Systems",
]
NAMELESS = [
    "the company",
    "the group",
    "the firm",
    "the lender",
    "the retailer",
    "the manufacturer",
    "the airline",
    "the utility",
    "the builder",
    "the miner",
    "the drugmaker",
    "the start-up",
]


class Slots:
    """Seeded draws; subclasses build sentences from them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def company(self) -> str:
        if self.chance(0.35):
            return self.pick(NAMELESS)
        name = "".join(self.random.sample(SYLLABLES, self.random.choice([2, 2, 3])))
        return name.capitalize() + self.pick(ENDINGS)

    def number(self) -> str:
        return f"{self.random.choice([3, 12, 40, 85, 120, 350, 900, 1400, 2600, 12000]) + self.random.randrange(9):,}"

    def percent(self) -> str:
        value = self.pick([str(self.random.randint(2, 60)), f"{self.random.uniform(0.3, 30):.1f}"])
        return value + self.pick([" percent", "%", " per cent"])

    def money(self, value: float | None = None) -> str:
        value = round(self.random.uniform(1, 900), 1) if value is None else value
        return self.pick(
            [
                f"EUR {value} mn",
                f"EUR {value} million",
                f"${value} million",
                f"${value:.0f}m",
                f"SEK {value} million",
                f"{value} million euros",
                f"GBP {value}m",
                f"${value / 100:.1f} billion",
            ]
        )

    def date(self) -> str:
        return self.pick(
            [f"{self.random.randint(1, 28)} {self.pick(MONTHS)}", "Monday", "Tuesday", "Thursday", "Friday"]
        )

    def period(self) -> str:
        return self.pick(
            [
                " in the quarter",
                " in the second quarter",
                " last year",
                f" in {self.pick(MONTHS)}",
                " in the first half",
                " year on year",
                " from a year earlier",
                " over the period",
                " this year",
                "",
            ]
        )

    def fill(self, template: str) -> str:
        """Fills the slots of a lexicon entry, one after the other, so that each is drawn anew."""
        slots: dict[str, Callable[[], str]] = {
            "{c}": self.company, "{c2}": self.company, "{n}": self.number, "{amount}": self.money, "{pct}": self.percent,
            "{date}": self.date, "{price}": lambda: f"{self.random.uniform(2, 90):.2f} euros", "{month}": lambda: self.pick(MONTHS),
            "{year}": lambda: str(self.random.randint(2024, 2028)), "{oldyear}": lambda: str(self.random.randint(1890, 2015)),
            "{product}": lambda: self.pick(lex.PRODUCTS), "{client}": lambda: self.pick(lex.CLIENTS), "{city}": lambda: self.pick(lex.CITIES),
            "{broker}": lambda: self.pick(lex.BROKERS), "{person}": lambda: self.pick(lex.PERSONS),
            "{goodadj}": lambda: self.pick(lex.GOOD_ADJECTIVES), "{badadj}": lambda: self.pick(lex.BAD_ADJECTIVES),
            "{goodrating}": lambda: self.pick(["buy", "outperform", "overweight", "strong buy"]),
            "{badrating}": lambda: self.pick(["sell", "underperform", "underweight", "reduce"]),
        }  # fmt: skip
        while "{" in template:
            slot = template[template.index("{") : template.index("}") + 1]
            template = template.replace(slot, slots[slot](), 1)
        return template
