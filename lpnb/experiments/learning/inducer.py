"""The shortest decision list that explains the evidence (minimum description length), by local search.

Repeated from a seed it gives the same list: rounds are counted, not timed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lpnb.experiments.learning.cube_search import CubeSearch
from lpnb.experiments.learning.decision_list import (
    RULE_BITS,
    Condition,
    Rule,
    Rules,
    description_bits,
)
from lpnb.experiments.learning.evidence import HARD_WEIGHT, Evidence, places_of
from lpnb.experiments.learning.joint_factors import label_bits
from lpnb.experiments.learning.list_search import ListSearch

#: Lists that explain everything and are no more than so many bits longer than the shortest are rivals.
RIVAL_BITS = 12.0
MOST_RIVALS = 12
_SKILLS_TRIED, _SKILLS_TRIED_AGAIN = 4, 2
_MOST_INSERTIONS = 60
#: A list that is so many bits longer may be gone on with; less and less as the rounds go by.
_WARMTH = 12.0
_MOST_ROUNDS = 48
#: From so many cases on, a list longer than the landings one by one means that there is no short one.
_MANY_CASES = 96
#: Rounds after a batch that contradicts nothing: they look for a shorter list and for rivals.
_ROUNDS = 2
#: The same after one that does, and when lists are looked for anew.
_ROUNDS_CONTRADICTED, _ROUNDS_ANEW = 4, 6
#: Rounds that are left at the least after a shorter list was found.
_PATIENCE = 3


@dataclass(slots=True)
class Induction:
    """The shortest list known, and its rivals with their lengths; the list is the first of them."""

    rules: Rules
    cost: float
    rivals: list[tuple[float, Rules]] = field(default_factory=list)


class Inducer:
    """Keeps the shortest list and its rivals as the evidence grows."""

    def __init__(self, evidence: Evidence, skills: int = 0) -> None:
        self.evidence = evidence
        self.space = evidence.space
        #: The least number of skills to reckon a rule's length with.
        self.least_skills = skills
        self.current: Induction | None = None
        #: The rules of a list that was taken over: by their conditions, the skill.
        self._known_rules: dict[tuple[Condition, ...], int] = {}
        self._anew_at = 0
        self._search: CubeSearch | None = None
        #: The length of each rule that was met, for so many skills.
        self._lengths: dict[Rule, float] = {}
        self._measured_for = 0

    @property
    def skills(self) -> int:
        """The number of skills that a rule's length is reckoned with."""
        return max(self.evidence.skills, self.least_skills, 2)

    def length(self, rules: Rules) -> float:
        """The list's length in bits."""
        if self._measured_for != self.skills:
            self._measured_for = self.skills
            self._lengths.clear()
        total = math.log2(self.skills)
        for rule in rules:
            total += self._length_of(rule)
        if self._known_rules:  # a rule that is there twice was taken over once
            total += 2 * RULE_BITS * (len(rules) - len({rule.conditions for rule in rules}))
        return total

    def _length_of(self, rule: Rule) -> float:
        bits = self._lengths.get(rule)
        if bits is None:
            bits = self._lengths[rule] = self._rule_length(rule)
        return bits

    def _rule_length(self, rule: Rule) -> float:
        """What saying the rule costs; one taken over saves saying that it is gone."""
        if rule.conditions in self._known_rules:
            same = self._known_rules[rule.conditions] == rule.skill
            return -RULE_BITS + (0.0 if same else math.log2(self.skills))
        return description_bits((rule,), self.space, self.skills) - math.log2(self.skills)

    def cost(self, rules: Rules) -> float:
        """The list's length, and what the cases cost that it contradicts."""
        return self.length(rules) + self.evidence.weight(self.evidence.wrong(rules))

    def begin(self, rules: Rules) -> None:
        """Take a list over from before: its rules are kept as long as no case contradicts them."""
        self._known_rules = {rule.conditions: rule.skill for rule in rules if rule.conditions}
        bits = self.evidence.skill_bits
        bits += [0] * (1 + max(rule.skill for rule in rules) - len(bits))
        self.current = Induction(rules, self.cost(rules))

    def update(self, random: np.random.Generator, start: Rules | None = None) -> Induction:
        """Make the list explain the evidence of now, as short as the search finds it.

        Args:
            random: Decides what is taken apart and put together again.
            start: A list to begin with, in place of the one of the last time.
        """
        evidence = self.evidence
        self._search = CubeSearch(evidence, self.skills)
        self._lengths.clear()
        pool: dict[Rules, float] = {}
        before = start if start is not None else (self.current.rules if self.current else None)
        earlier_lists = [before] if before is not None else []
        earlier_lists += [rules for _, rules in self.current.rivals] if self.current else []
        is_contradicted = before is None or self._hard(evidence.wrong(before)) > 0
        rounds = _ROUNDS
        starts: list[Rules] = []
        if is_contradicted:
            rounds = _ROUNDS_CONTRADICTED
            starts += [rules for rules in earlier_lists if not self._hard(evidence.wrong(rules))][:2]
            starts += [self.tidy(self.fit(earlier_lists[0]))] if earlier_lists else []
        else:
            starts.append(earlier_lists[0])
        if evidence.count >= self._anew_at:
            self._anew_at = int(evidence.count * 1.3) + 10
            rounds = _ROUNDS_ANEW
            starts += [self.tidy(self.fit((Rule((), skill),))) for skill in self._common_skills()[:2]]
        for rules in [*starts, *earlier_lists]:
            if not self._hard(evidence.wrong(rules)):
                pool[rules] = self.cost(rules)
        for rules in starts:
            pool[rules] = self.cost(rules)
        best = min(pool, key=lambda rules: (pool[rules], rules))
        if evidence.count >= _MANY_CASES and self.length(best) > label_bits(evidence):
            rounds = 1  # no short list is to be found, and looking for one takes the longest then
        best = self._assemble(best, pool)
        current, remaining_rounds, turn = best, rounds, 0
        while remaining_rounds and turn < _MOST_ROUNDS:
            remaining_rounds, turn = remaining_rounds - 1, turn + 1
            candidate = self.tidy(self._perturb(current, random))
            pool[candidate] = self.cost(candidate)
            warmth = _WARMTH * remaining_rounds / rounds
            if pool[candidate] <= pool[current] + warmth * random.random():
                current = candidate
            if not remaining_rounds or pool[candidate] < pool[best] - 1e-9:
                before = best
                best = self._assemble(min(best, candidate, key=lambda rules: (pool[rules], rules)), pool)
                if pool[best] < pool[before] - 1e-9:
                    current, remaining_rounds = best, max(remaining_rounds, min(rounds, _PATIENCE))
        shortest = pool[best]
        rivals = sorted(
            (cost, rules) for rules, cost in pool.items() if cost <= shortest + RIVAL_BITS and rules != best
        )
        self.current = Induction(best, shortest, _distinct_lists(rivals)[:MOST_RIVALS])
        return self.current

    def _assemble(self, best: Rules, pool: dict[Rules, float]) -> Rules:
        """The shortest list made of the cubes met so far, polished; again while it gets shorter."""
        evidence, search = self.evidence, self._search
        assert search is not None  # noqa: S101 - update() made it
        while True:
            cubes = [rule.conditions for rules in pool for rule in rules[:-1]]
            before = pool[best]
            lengths = {
                conditions: self._rule_length(Rule(conditions, self._known_rules.get(conditions, 0)))
                for conditions in (*cubes, *search.conditions())
            }
            for candidate in ListSearch(evidence, lengths).find():
                tidy_list = self.tidy(candidate)
                pool[tidy_list] = self.cost(tidy_list)
                if pool[tidy_list] < pool[best] - 1e-9:
                    best = tidy_list
            while True:
                polished_list = self.tidy(self._polish(best))
                pool[polished_list] = self.cost(polished_list)
                if pool[polished_list] >= pool[best] - 1e-9:
                    break
                best = polished_list
            if pool[best] >= before - 1e-9:
                return best

    def _hard(self, cases: int) -> int:
        return cases & ~self.evidence.soft

    def _common_skills(self) -> list[int]:
        bits = self.evidence.skill_bits
        return sorted(range(len(bits)), key=lambda skill: (-bits[skill].bit_count(), skill))

    # --- fit ----------------------------------------------------------------------------------------------

    def fit(self, rules: Rules, random: np.random.Generator | None = None) -> Rules:
        """Insert rules until no case that counts is explained wrongly."""
        for _ in range(_MOST_INSERTIONS):
            insertion = self._insertion(rules, random)
            if insertion is None:
                return rules
            place, rule = insertion
            rules = (*rules[:place], rule, *rules[place:])
        return rules

    def _insertion(self, rules: Rules, random: np.random.Generator | None) -> tuple[int, Rule] | None:
        """The rule that mends the most for its length, and its place; None when nothing is to be mended."""
        evidence = self.evidence
        assert self._search is not None  # noqa: S101 - update() made it
        remaining, wrong, remaining_at = evidence.everything, 0, []
        rule_cases = 0
        for rule in rules:
            remaining_at.append(remaining)
            rule_cases = evidence.cube(rule.conditions, remaining)
            wrong |= rule_cases & ~evidence.skill_bits[rule.skill]
            remaining ^= rule_cases
        if not wrong:
            return None
        right = evidence.everything & ~wrong
        last_right = rule_cases & right
        weights = [(evidence.weight(wrong & bits), skill) for skill, bits in enumerate(evidence.skill_bits)]
        weights = sorted(
            ((weight, skill) for weight, skill in weights if weight), key=lambda it: (-it[0], it[1])
        )
        best: tuple[float, int, int, Rule] | None = None
        skills = [skill for _, skill in weights[: _SKILLS_TRIED if random is None else _SKILLS_TRIED_AGAIN]]
        questions = [
            (wrong & evidence.skill_bits[skill], right_cases & ~evidence.skill_bits[skill])
            for skill in skills
            for right_cases in dict.fromkeys((right, last_right))
        ]
        for (positives, _), cubes in zip(questions, self._search.find_all(questions), strict=True):
            skill = evidence.labels[positives.bit_length() - 1]
            bits = evidence.skill_bits[skill]
            for cube in cubes:
                inside = evidence.cube(cube.conditions)
                mends, breaks = inside & positives, inside & right & ~bits
                for place in range(len(rules) - 1, -1, -1):
                    mended_weight = evidence.weight(mends & remaining_at[place])
                    if not mended_weight:
                        continue
                    gain = mended_weight - evidence.weight(breaks & remaining_at[place])
                    if gain <= cube.bits and not self._hard(mends & remaining_at[place]):
                        continue
                    value = gain / cube.bits
                    if random is not None:
                        value *= 1 + 0.25 * random.random()
                    if best is None or value > best[0] + 1e-9:
                        best = (value, -place, skill, Rule(cube.conditions, skill))
                    if breaks & remaining_at[place] == 0:
                        break
        if best is not None and best[0] > 0:
            return -best[1], best[3]
        hard = self._hard(wrong)
        return None if not hard else self._single_case(places_of(hard)[0])

    def _single_case(self, place: int) -> tuple[int, Rule]:
        """A rule on top for one case, with as few conditions as keep it from all cases of other skills."""
        evidence = self.evidence
        row, skill = evidence.rows[place].tolist(), evidence.skill_of(place)
        others = evidence.everything & ~evidence.skill_bits[skill]
        conditions: list[tuple[int, int]] = []
        while others:
            factors = {factor for factor, _ in conditions}
            free = [(factor, 1 << value) for factor, value in enumerate(row) if factor not in factors]
            condition = min(free, key=lambda item: (others & evidence.literal(item)).bit_count())
            conditions.append(condition)
            others &= evidence.literal(condition)
        return 0, Rule(tuple(sorted(conditions)), skill)

    # --- tidy ---------------------------------------------------------------------------------------------

    def tidy(self, rules: Rules) -> Rules:
        """Delete rules, drop conditions and unite rules, as long as the list gets shorter and no worse."""
        while True:
            treatment = _Treatment(self.evidence, rules)
            for change in self._simplifications(treatment):
                if self._cost_change(treatment, change) < -1e-9:
                    rules = change.of(rules)
                    break
            else:
                return rules

    def _cost_change(self, treatment: _Treatment, change: _Change) -> float:
        """By how much a change alters the cost; below 0 it is for the better."""
        rules, evidence = treatment.rules, self.evidence
        bits = self._length_of(change.rule) if change.rule is not None else 0.0
        bits -= sum(self._length_of(rules[place]) for place in change.removals)
        if bits >= HARD_WEIGHT * treatment.wrong.bit_count():
            return bits
        bits += evidence.weight(change.wrong) - evidence.weight(treatment.wrong & change.affected)
        if bits < 0 and self._known_rules:
            return self.cost(change.of(rules)) - self.cost(rules)
        return bits

    def _simplifications(self, treatment: _Treatment) -> Iterator[_Change]:
        rules = treatment.rules
        last = len(rules) - 1
        for place in range(last):
            yield treatment.removal(place)
        for place in range(last):
            rule = rules[place]
            for factor, _ in rule.conditions:
                if len(rule.conditions) > 1:
                    yield treatment.widening(place, rule.without(factor))
        for first in range(last):
            for second in range(first + 1, last):
                union = self._union(rules[first], rules[second])
                if union is not None:
                    yield treatment.move(second, first, union)._replace(removals=(first, second))
                    yield treatment.move(first, second, union)._replace(
                        removals=(first, second), place=second - 1
                    )

    def _union(self, first: Rule, second: Rule) -> Rule | None:
        """One rule for both, when they differ in the values of one factor alone."""
        if first.skill != second.skill or len(first.conditions) != len(second.conditions):
            return None
        differing = [
            pair for pair in zip(first.conditions, second.conditions, strict=True) if pair[0] != pair[1]
        ]
        if len(differing) != 1:
            return None
        (factor, mask), (other, other_mask) = differing[0]
        if factor != other:
            return None
        if mask | other_mask == self.space.full(factor):
            return first.without(factor) if len(first.conditions) > 1 else None
        return first.with_mask(factor, mask | other_mask)

    # --- destroy and repair -------------------------------------------------------------------------------

    def _perturb(self, rules: Rules, random: np.random.Generator) -> Rules:
        """The list with a part of it taken away or built anew, explaining all again."""
        if len(rules) > 2 and random.random() < 0.3:
            return self.fit(self._rebuild_tail(rules, random))
        return self.fit(self._destroy(rules, random), random)

    def _rebuild_tail(self, rules: Rules, random: np.random.Generator) -> Rules:
        """The list with its lower part built anew: each rule is right on all that is left to it."""
        evidence, search = self.evidence, self._search
        assert search is not None  # noqa: S101 - update() made it
        keep = int(random.integers(0, len(rules) - 1))
        new_rules = list(rules[:keep])
        remaining = evidence.everything
        for rule in new_rules:
            remaining &= ~evidence.cube(rule.conditions, remaining)
        for _ in range(_MOST_INSERTIONS):
            skills = [skill for skill, bits in enumerate(evidence.skill_bits) if bits & remaining]
            if len(skills) < 2:
                break
            best: tuple[float, Rule] | None = None
            owns = [evidence.skill_bits[skill] & remaining for skill in skills]
            answers = search.find_all([(own, remaining & ~own) for own in owns])
            for skill, cubes in zip(skills, answers, strict=True):
                for cube in cubes[:3]:
                    if cube.negatives:
                        continue
                    value = cube.positives / cube.bits * (1 + 0.3 * random.random())
                    if best is None or value > best[0]:
                        best = (value, Rule(cube.conditions, skill))
            if best is None:
                break
            new_rules.append(best[1])
            remaining &= ~evidence.cube(best[1].conditions, remaining)
        weights = [
            (evidence.weight(bits & remaining), -skill) for skill, bits in enumerate(evidence.skill_bits)
        ]
        return (*new_rules, Rule((), -max(weights)[1]))

    def _polish(self, rules: Rules) -> Rules:
        """The shortest list got by moving and simplifying one rule, or by changing one value of a set."""
        treatment = _Treatment(self.evidence, rules)
        best, least = None, -1e-9
        for change in self._neighbours(treatment):
            if (cost_change := self._cost_change(treatment, change)) < least:
                best, least = change, cost_change
        return best.of(rules) if best is not None else rules

    def _neighbours(self, treatment: _Treatment) -> Iterator[_Change]:
        rules = treatment.rules
        last = len(rules) - 1
        for place in range(last):
            rule = rules[place]
            if len(rule.conditions) > 1:
                for factor, _ in rule.conditions:
                    simpler = rule.without(factor)
                    for to in range(last):
                        if to != place:
                            yield treatment.move(place, to, simpler)
            for factor, mask in rule.conditions:
                if mask.bit_count() > 1:
                    for value in range(self.space.sizes[factor]):
                        other = mask ^ (1 << value)
                        if other != self.space.full(factor):
                            change = treatment.widening if other > mask else treatment.narrowing
                            yield change(place, rule.with_mask(factor, other))

    def _destroy(self, rules: Rules, random: np.random.Generator) -> Rules:
        """The list with a part of it taken away or changed, to be fitted again."""
        last = len(rules) - 1
        if last <= 0:
            return (Rule((), int(random.integers(max(self.evidence.skills, 1)))),)
        way = int(random.integers(7))
        if way == 0:  # some of the rules with the least evidence
            sizes = [cases.bit_count() for cases in self.evidence.critical_cases(rules)[:last]]
            order = np.argsort(np.array(sizes) + random.random(last) * 3, kind="stable")
            removals = set(order[: int(random.integers(1, min(4, last) + 1))].tolist())
            return tuple(rule for place, rule in enumerate(rules) if place not in removals)
        if way == 1:  # all rules of a skill
            skill = rules[int(random.integers(last))].skill
            return tuple(rule for place, rule in enumerate(rules) if place == last or rule.skill != skill)
        if way == 2:  # every set of a factor
            factor = int(random.integers(self.space.count))
            return self._without_sets(rules, factor, random)
        if way == 3:  # one rule's place
            place, to = int(random.integers(last)), int(random.integers(last))
            rest = [*rules[:place], *rules[place + 1 :]]
            return (*rest[:to], rules[place], *rest[to:])
        if way == 4:  # one condition
            place = int(random.integers(last))
            rule = rules[place]
            factor = rule.conditions[int(random.integers(len(rule.conditions)))][0]
            if len(rule.conditions) > 1:
                return (*rules[:place], rule.without(factor), *rules[place + 1 :])
            return (*rules[:place], *rules[place + 1 :])
        if way == 5:  # rules anywhere
            keep = random.random(last) > 0.35
            return (*(rule for rule, stays in zip(rules[:last], keep, strict=True) if stays), rules[last])
        return self._blocker(rules, random)

    def _without_sets(self, rules: Rules, factor: int, random: np.random.Generator) -> Rules:
        new_rules = []
        for rule in rules:
            mask = rule.mask(factor)
            if mask is not None and mask.bit_count() > 1:
                if len(rule.conditions) > 1 and random.random() < 0.7:
                    new_rules.append(rule.without(factor))
            else:
                new_rules.append(rule)
        return tuple(new_rules)

    def _blocker(self, rules: Rules, random: np.random.Generator) -> Rules:
        """Where several rules need a factor's value in one set, one rule for the other values above them."""
        uses: dict[tuple[int, int], int] = {}
        for rule in rules:
            for condition in rule.conditions:
                uses[condition] = uses.get(condition, 0) + 1
        shared_conditions = sorted(condition for condition, count in uses.items() if count > 1)
        if not shared_conditions:
            return self._destroy_one(rules, random)
        factor, mask = shared_conditions[int(random.integers(len(shared_conditions)))]
        first = min(place for place, rule in enumerate(rules) if (factor, mask) in rule.conditions)
        skill = rules[-1].skill if random.random() < 0.7 else int(random.integers(self.evidence.skills))
        rest = tuple(
            rule.without(factor) if (factor, mask) in rule.conditions and len(rule.conditions) > 1 else rule
            for rule in rules
        )
        blocking = Rule(((factor, self.space.full(factor) & ~mask),), skill)
        return (*rest[:first], blocking, *rest[first:])

    def _destroy_one(self, rules: Rules, random: np.random.Generator) -> Rules:
        place = int(random.integers(len(rules) - 1))
        return (*rules[:place], *rules[place + 1 :])


class _Change(NamedTuple):
    """Rules that go, one that comes in their stead, and how the cases it touches fare then."""

    removals: tuple[int, ...]
    place: int
    """Where the new rule stands among those that stay."""
    rule: Rule | None
    affected: int
    wrong: int
    """Those of them that the changed list explains wrongly."""

    def of(self, rules: Rules) -> Rules:
        """The list with the change."""
        rest = tuple(rule for place, rule in enumerate(rules) if place not in self.removals)
        return rest if self.rule is None else (*rest[: self.place], self.rule, *rest[self.place :])


class _Treatment:
    """How a list treats the evidence, to tell at once what a change of one rule would do."""

    def __init__(self, evidence: Evidence, rules: Rules) -> None:
        self.evidence, self.rules = evidence, rules
        self.cubes = [evidence.cube(rule.conditions) for rule in rules]
        self.remaining_at: list[int] = []
        self.cases_by_rule: list[int] = []
        remaining, self.wrong = evidence.everything, 0
        for cube, rule in zip(self.cubes, rules, strict=True):
            cases = remaining & cube
            self.remaining_at.append(remaining)
            self.cases_by_rule.append(cases)
            self.wrong |= cases & ~evidence.skill_bits[rule.skill]
            remaining ^= cases

    def _fall_through(self, cases: int, start: int, stop: int) -> tuple[int, int]:
        """Of cases that fall on the rules from *start* to *stop*: those explained wrongly, those left."""
        wrong = 0
        for place in range(start, stop):
            if not cases:
                break
            if matching := cases & self.cubes[place]:
                wrong |= matching & ~self.evidence.skill_bits[self.rules[place].skill]
                cases ^= matching
        return wrong, cases

    def removal(self, place: int) -> _Change:
        """Without a rule."""
        wrong, _ = self._fall_through(self.cases_by_rule[place], place + 1, len(self.rules))
        return _Change((place,), place, None, self.cases_by_rule[place], wrong)

    def widening(self, place: int, rule: Rule) -> _Change:
        """With a rule that matches more in the place of another."""
        more = self.evidence.cube(rule.conditions, self.remaining_at[place]) & ~self.cases_by_rule[place]
        return _Change((place,), place, rule, more, more & ~self.evidence.skill_bits[rule.skill])

    def narrowing(self, place: int, rule: Rule) -> _Change:
        """With a rule that matches less in the place of another."""
        less = self.cases_by_rule[place] & ~self.evidence.cube(rule.conditions)
        wrong, _ = self._fall_through(less, place + 1, len(self.rules))
        return _Change((place,), place, rule, less, wrong)

    def move(self, place: int, to: int, rule: Rule) -> _Change:
        """With a rule that matches more, at the place of another, and without the one that it comes from."""
        if to < place:
            cases = self.evidence.cube(rule.conditions, self.remaining_at[to])
            return _Change((place,), to, rule, cases, cases & ~self.evidence.skill_bits[rule.skill])
        wrong, arriving = self._fall_through(self.cases_by_rule[place], place + 1, to + 1)
        below = self.remaining_at[to + 1] & ~self.cases_by_rule[place]
        cases = self.evidence.cube(rule.conditions, below) | arriving
        wrong |= cases & ~self.evidence.skill_bits[rule.skill]
        return _Change((place,), to, rule, cases | self.cases_by_rule[place], wrong)


def _distinct_lists(rivals: list[tuple[float, Rules]]) -> list[tuple[float, Rules]]:
    """Without lists that are the same rules in another order of the same bits and skills."""
    keys, distinct = set(), []
    for cost, rules in rivals:
        key = (round(cost, 6), frozenset(rules))
        if key not in keys:
            keys.add(key)
            distinct.append((cost, rules))
    return distinct


__all__ = ["HARD_WEIGHT", "MOST_RIVALS", "RIVAL_BITS", "Inducer", "Induction"]
