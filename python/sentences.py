"""Generates financial sentences with their sentiment from a small grammar over lexicon.py.

measures.py has the sentences about figures; here are those about events, sentences made of two clauses, and the mix.
"""

from collections.abc import Callable

import lexicon as lex
from measures import NEGATIVE, NEUTRAL, POSITIVE, Labelled, Measures


class SentenceGenerator(Measures):
    """A seeded stream of labelled sentences."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.shapes: list[tuple[Callable[[], Labelled], int]] = [
            (self.movement, 10), (self.surprise, 5), (self.judged, 6), (self.negated, 6), (self.noun_phrase, 6),
            (self.extreme, 3), (self.management, 5), (self.event, 12), (self.adjective, 4), (self.contrast, 6),
            (self.from_to, 4), (self.neutral_event, 14), (self.neutral_measure, 8), (self.balanced, 3), (self.expectation, 4),
            (self.paragraph, 4),
        ]  # fmt: skip

    def sample(self, count: int) -> list[Labelled]:
        """`count` different sentences."""
        shapes, weights = zip(*self.shapes, strict=True)
        found: dict[str, int] = {}
        while len(found) < count:
            text, label = self.random.choices(shapes, weights)[0]()
            found[self.finish(text)] = label
        return list(found.items())

    def finish(self, text: str) -> str:
        """Frames the sentence: who says it, capital letter, full stop; now and then headline style."""
        if self.chance(0.12):
            speaker = self.pick(
                [
                    "the company said",
                    "analysts said",
                    "according to the report",
                    "it said on Monday",
                    "the chief executive said",
                    "a statement showed",
                    "data showed",
                ]
            )
            text = f"{text}, {speaker}"
        elif self.chance(0.08):
            text = (
                self.pick(
                    [
                        "In the quarter, ",
                        "On Tuesday, ",
                        "Last year ",
                        "At the end of June, ",
                        "In a statement it said that ",
                    ]
                )
                + text
            )
        text = text[0].upper() + text[1:]
        return text if self.chance(0.12) else text + "."

    def event(self) -> Labelled:
        label = self.pick([POSITIVE, NEGATIVE])
        text = self.fill(self.pick(lex.GOOD_EVENTS if label == POSITIVE else lex.BAD_EVENTS))
        if self.chance(0.2):
            text += " " + self.fill(self.pick(lex.GOOD_REASONS if label == POSITIVE else lex.BAD_REASONS))
        return text, label

    def adjective(self) -> Labelled:
        label = self.pick([POSITIVE, NEGATIVE])
        word = self.pick(lex.GOOD_ADJECTIVES if label == POSITIVE else lex.BAD_ADJECTIVES)
        topic = self.pick(
            [
                "demand",
                "trading",
                "growth",
                "results",
                "sales",
                "order intake",
                "market conditions",
                "a quarter",
                "an outlook",
                "a start to the year",
                "earnings",
                "consumer spending",
                "cash flow",
            ]
        )
        bare = topic.removeprefix("an ").removeprefix("a ")
        article = "a " if bare != topic else ""
        text = self.pick(
            [
                f"{self.company()} reported {article}{word} {bare}",
                f"the {bare} at {self.company()} was {word}",
                f"{self.company()} had {article}{word} {bare}",
                f"{self.company()} described its {bare} as {word}",
                f"the {bare} remains {word}",
                f"{self.company()} expects {article}{word} {bare}",
            ]
        )
        return text, label

    def clause(self, label: int) -> str:
        """One clause of the given sentiment."""
        for _ in range(200):
            text, found = self.pick([self.movement, self.judged, self.event, self.management])()
            if found == label:
                return text
        raise AssertionError("no clause found")

    def contrast(self) -> Labelled:
        """Two clauses against each other: the main or last one decides."""
        label = self.pick([POSITIVE, NEGATIVE])
        other, main = self.clause(1 - label), self.clause(label)
        shape = self.pick(
            [
                "although {o}, {m}",
                "{m} even though {o}",
                "{m}, although {o}",
                "{o}, but {m}",
                "while {o}, {m}",
                "{m} despite the fact that {o}",
                "{o}; however, {m}",
            ]
        )
        return shape.format(o=other, m=main), label

    def neutral_event(self) -> Labelled:
        text = self.fill(self.pick(lex.NEUTRAL_EVENTS))
        if self.chance(0.15):
            text = f"{text}, and {self.fill(self.pick(lex.NEUTRAL_EVENTS))}"
        return text, NEUTRAL

    def paragraph(self) -> Labelled:
        """A sentence that judges beside one that does not, or two that agree."""
        label = self.pick([POSITIVE, NEGATIVE])
        one, two = self.clause(label), self.clause(label) if self.chance(0.3) else self.neutral_event()[0]
        if self.chance(0.4):
            one, two = two, one
        return f"{one}. {two[0].upper()}{two[1:]}", label


if __name__ == "__main__":
    for text, label in SentenceGenerator(1).sample(60):
        print("+-0"[label], text)
