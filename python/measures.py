"""Sentences about something measured: profit, costs, demand.

Polarity is composed, not looked up: what is measured (good or bad when it grows), which way it moves, and what the
sentence does with that (negates it, compares it with expectations).
"""

import lexicon as lex
from slots import Slots

POSITIVE, NEGATIVE, NEUTRAL = 0, 1, 2
Labelled = tuple[str, int]


class Measures(Slots):
    """One method a shape of sentence; each returns a sentence without frame and its label."""

    def subject(self) -> tuple[str, bool]:
        """Something measured, and whether it is good when it grows."""
        good = self.chance(0.58)
        name = self.fill(self.pick(lex.GOOD_WHEN_UP if good else lex.BAD_WHEN_UP))
        if self.chance(0.12) and not name.startswith("the "):
            name = f"{self.company()}'s {name}"
        return name, good

    def direction(self) -> tuple[tuple[str, ...], bool]:
        up = self.chance(0.5)
        return self.pick(lex.UP_VERBS if up else lex.DOWN_VERBS), up

    @staticmethod
    def agree(subject: str, predicate: str) -> str:
        """Subject and predicate with `was` and `is` in the plural where the subject is."""
        plural = subject.endswith("s") and not subject.endswith(("EPS", "ss"))
        if plural:
            predicate = (
                f" {predicate}".replace(" was ", " were ").replace(" is ", " are ").replace(" has ", " have ").strip()
            )
        elif predicate.startswith("were "):
            predicate = "was " + predicate[5:]
        return f"{subject} {predicate}"

    def agreeing(self, subject: str, text: str) -> str:
        """`text` with its verb agreeing, if it begins with the subject."""
        return self.agree(subject, text.removeprefix(subject).strip()) if text.startswith(subject) else text

    def movement(self) -> Labelled:
        (name, good), (verb, up) = self.subject(), self.direction()
        tail = self.pick(
            [
                f" by {self.percent()}",
                f" {self.percent()}",
                f" to {self.money()}",
                "",
                " sharply",
                " slightly",
                " again",
                " for the third time in a row",
                " more than expected",
            ]
        )
        text = self.agree(name, verb[0]) + tail + self.period()
        if self.chance(0.25):
            text = (
                self.agree(
                    name,
                    f"{self.pick(['is expected to', 'is likely to', 'is set to', 'will', 'could', 'continues to'])} {verb[1]}",
                )
                + self.period()
            )
        label = POSITIVE if up == good else NEGATIVE
        if self.chance(0.25):
            text += " " + self.fill(self.pick(lex.GOOD_REASONS if label == POSITIVE else lex.BAD_REASONS))
        return text, label

    def surprise(self) -> Labelled:
        """Moved less than thought: good movement disappoints, bad movement relieves."""
        (name, good), (verb, up) = self.subject(), self.direction()
        welcome = up == good
        hedge = self.pick(
            ["expected", "forecast", "hoped", "analysts had hoped"]
            if welcome
            else ["expected", "feared", "forecast", "analysts had feared"]
        )
        shape = self.pick(
            [
                "{v} less than {h}",
                "{v} more slowly than {h}",
                "{v} by less than {h}",
                "{v}, but not as much as {h}",
                "did not {b} as much as {h}",
                "did not {b} as fast as {h}",
            ]
        )
        text = self.agree(name, shape.format(v=verb[0], b=verb[1], h=hedge))
        return text + self.period(), NEGATIVE if welcome else POSITIVE

    def judged(self) -> Labelled:
        name = self.fill(self.pick(lex.GOOD_WHEN_UP))
        label = self.pick([POSITIVE, NEGATIVE])
        text = self.agree(name, self.pick(lex.IMPROVED if label == POSITIVE else lex.WORSENED)) + self.period()
        if self.chance(0.3):
            text = f"{self.company()} said {text}"
        return text, label

    def negated(self) -> Labelled:
        """Denied movements and judgements."""
        name, good = self.subject()
        if self.chance(0.35) and good:
            improves = self.chance(0.5)
            text = self.pick(
                [
                    "{n} did not {w}",
                    "{n} has not {p}",
                    "there is no sign of {x} in {n}",
                    "no {x} in {n} is in sight",
                    "{n} is no longer {g}",
                ]
            )
            words = {
                True: ("improve", "improved", "improvement", "improving"),
                False: ("deteriorate", "deteriorated", "deterioration", "deteriorating"),
            }[improves]
            if self.chance(0.5):
                words = {
                    True: ("recover", "recovered", "a recovery", "recovering"),
                    False: ("weaken", "weakened", "weakening", "weakening"),
                }[improves]
            text = text.format(n=name, w=words[0], p=words[1], x=words[2], g=words[3])
            return self.agreeing(name, text) + self.period(), NEGATIVE if improves else POSITIVE
        verb, up = self.direction()
        shape = self.pick(
            [
                "{n} is no longer {g}",
                "{n} stopped {g}",
                "{n} is unlikely to {b}",
                "{n} will not {b}",
                "the {x} in {n} came to an end",
                "there is no {x} in {n}",
                "the {x} in {n} was halted",
            ]
        )
        text = shape.format(n=name, g=verb[2], b=verb[1], x=verb[3])
        return self.agreeing(name, text) + self.period(), NEGATIVE if up == good else POSITIVE

    def noun_phrase(self) -> Labelled:
        (name, good), (verb, up) = self.subject(), self.direction()
        size = self.pick(
            ["sharp", "steep", "further", "modest", "sudden", "surprising", "second", "dramatic", "slight", "steady"]
        )
        noun = f"{size} {verb[3]} in {name}"
        text = self.pick(
            [
                f"{self.company()} reported a {noun}",
                f"the {noun} continued",
                f"a {noun} surprised analysts",
                f"{self.company()} expects a {noun}",
                f"a {noun} was recorded{self.period()}",
                f"{self.company()} was faced with a {noun}",
                f"there was a {noun}{self.period()}",
                f"the quarter brought a {noun}",
            ]
        )
        return text, POSITIVE if up == good else NEGATIVE

    def extreme(self) -> Labelled:
        name, good = self.subject()
        high = self.chance(0.5)
        word = self.pick(["highest", "greatest", "largest"] if high else ["lowest", "smallest"])
        shape = self.pick(
            [
                "{n} was at its {w} level since {y}",
                "{n} was the {w} in {k} years",
                "{n} reached its {w} level in {k} years",
                "never before was {n} so {a}",
                "{n} was {m} than a year earlier",
                "{n} was {m} than in the previous quarter",
                "{n} was much {m} than before",
            ]
        )
        text = shape.format(
            n=name,
            w=word,
            y=self.random.randint(1995, 2021),
            k=self.random.randint(3, 30),
            a="high" if high else "low",
            m=self.pick(["higher", "larger"] if high else ["lower", "smaller"]),
        )
        return self.agreeing(name, text), POSITIVE if high == good else NEGATIVE

    def management(self) -> Labelled:
        """What a company does to a measure."""
        name, good = self.subject()
        name = name.removeprefix("the ")
        up = self.chance(0.5)
        verb = self.pick(
            ["raised", "increased", "boosted", "lifted", "doubled", "added to", "expanded", "grew"]
            if up
            else ["cut", "reduced", "lowered", "slashed", "halved", "trimmed", "narrowed", "shrank"]
        )
        text = f"{self.company()} {verb} its {name}"
        if self.chance(0.5):
            text += self.pick(
                [f" by {self.percent()}", f" to {self.money()}", " further", " for the second year running"]
            )
        return text, POSITIVE if up == good else NEGATIVE

    def from_to(self) -> Labelled:
        """Two figures, with and without a word that says which way it went."""
        name, good = self.subject()
        low = round(self.random.uniform(1, 400), 1)
        high = round(low * self.random.uniform(1.15, 2.5), 1)
        up = self.chance(0.5)
        now, before = (high, low) if up else (low, high)
        unit = self.pick(["EUR {} mn", "EUR {} million", "${} million", "{} million crowns", "SEK {} million"])
        now_text, before_text = unit.format(now), unit.format(before)
        word = "up" if up else "down"
        shape = self.pick(
            [
                "was {a}, {w} from {b}",
                "totalled {a}, {w} from {b} a year earlier",
                "{v} to {a} from {b}",
                "{v} from {b} to {a}",
                "came to {a} compared with {b} a year ago",
            ]
        )
        verb = self.pick(lex.UP_VERBS[:6] if up else lex.DOWN_VERBS[:6])[0]
        return self.agree(
            name, shape.format(a=now_text, b=before_text, w=word, v=verb)
        ), POSITIVE if up == good else NEGATIVE

    def neutral_measure(self) -> Labelled:
        """A measure that did not move, a bare figure, or something that is neither good nor bad."""
        name, _ = self.subject()
        if self.chance(0.2):
            verb, _ = self.direction()
            return self.agree(
                self.pick(lex.NEITHER),
                f"{self.pick(['rose', 'fell', 'went up', 'went down', 'increased', 'decreased', 'is'])} to {self.number()}",
            ), NEUTRAL
        predicate = self.fill(self.pick(lex.UNCHANGED if self.chance(0.55) else lex.STATED))
        return self.agree(name, predicate) + self.period(), NEUTRAL

    def balanced(self) -> Labelled:
        (one, _), (two, _) = self.subject(), self.subject()
        up, down = self.pick(lex.UP_VERBS)[3], self.pick(lex.DOWN_VERBS)[3]
        text = self.pick(
            [
                f"a {up} in {one} was offset by a {down} in {one} elsewhere",
                f"the {up} in {one} and the {down} in {two} cancelled each other out",
                f"analysts disagree on whether {one} will rise or fall",
                f"{self.company()} expects neither a {up} nor a {down} in {one}",
            ]
        )
        return text, NEUTRAL

    def expectation(self) -> Labelled:
        """Better or worse than some yardstick."""
        better = self.chance(0.5)
        yard = self.pick(
            [
                "expected",
                "forecast",
                "in the previous year",
                "a year ago",
                "at its rivals",
                "analysts had predicted",
                "planned",
                "ever before",
                "in any other quarter",
            ]
        )
        what = self.pick(
            [
                "the result",
                "the quarter",
                "the company's performance",
                "trading",
                "the outcome",
                "the order situation",
                "the start to the year",
                "business in {city}",
                "the outlook for {product}",
                "the financial position",
            ]
        )
        word = self.pick(
            ["better", "stronger", "brighter", "healthier", "more encouraging"]
            if better
            else ["worse", "weaker", "bleaker", "poorer", "less encouraging"]
        )
        return self.fill(
            f"{what} was {self.pick(['much ', 'slightly ', 'far ', ''])}{word} than {yard}"
        ), POSITIVE if better else NEGATIVE
