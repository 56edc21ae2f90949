"""The pool: some cases of the domain of each clause, the same whoever is asked about them."""

from __future__ import annotations

from drawing import drawn
from embedding_conformance.cases.domain import Domain
from embedding_conformance.cases.drawing import cases_in
from embedding_conformance.cases.pool import Pool
from embedding_conformance.cases.sizes import is_large
from embedding_conformance.cases.strategies import UnderTest
from embedding_conformance.suite.catalogue import clauses

POOLED = [clause for clause in clauses() if type(clause.domain) is Domain]
FLOAT32 = UnderTest("float32")


def test_each_case_is_of_the_domain_that_it_was_drawn_for() -> None:
    pool = Pool(POOLED, "1", 3)
    for clause in POOLED:
        assert clause.domain is not None
        assert 0 < len([*pool.of(clause, FLOAT32)]) <= 3
        assert all(map(clause.domain.admits, pool.of(clause, FLOAT32))), clause.id


def test_the_cases_of_a_clause_depend_on_no_other() -> None:
    first, second, *_ = POOLED
    alone = Pool([second], "1", 4)
    assert (
        [*alone.of(second, FLOAT32)]
        == [*Pool(POOLED, "1", 4).of(second, FLOAT32)]
        != [*Pool(POOLED, "2", 4).of(second, FLOAT32)]
    )
    assert [*alone.others(second, FLOAT32)] == []
    assert [*Pool([first, second], "1", 4).others(second, FLOAT32)] == [*alone.of(first, FLOAT32)]


def test_each_clause_sees_others_in_an_order_of_its_own() -> None:
    pool = Pool(POOLED[:9], "1", 2)
    first, second = ([*pool.others(clause, FLOAT32)] for clause in POOLED[:2])
    assert first[:4] != second[:4]
    assert len(first) == len(second) == 16


def test_a_domain_takes_cases_of_others() -> None:
    taken = {clause.id: 0 for clause in POOLED}
    pool = Pool(POOLED, "1", 6)
    for clause in POOLED:
        assert clause.domain is not None
        for case in pool.others(clause, FLOAT32):
            made = clause.domain.taken(case)
            taken[clause.id] += made is not None
            assert made is None or clause.domain.admits(made)
    assert sum(count >= 30 for count in taken.values()) > 0.75 * len(POOLED)


def test_a_domain_without_large_cases_takes_none() -> None:
    large = [
        case
        for case in drawn(cases_in(Domain(dtype="float32")), 300)
        if is_large(case.config.num_embeddings, case.config.embedding_dim, case.index.numel)
    ]
    assert large
    assert all(Domain().taken(case) is case for case in large)
    assert all(Domain(large=False).taken(case) is None for case in large)
