"""A target is found, or it is said in one line why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding_conformance.adapters.torch.module import TorchModuleAdapter
from embedding_conformance.adapters.torch.paths.functional import TorchFunctionalAdapter
from embedding_conformance.boundary.description import Description
from embedding_conformance.boundary.target import BUNDLED, UnusableTarget, resolve

USER = '''
import functools
import torch

class Embedding(torch.nn.Embedding):
    """Somebody's."""

class Space:
    Inner = Embedding

partial = functools.partial(Embedding)

def factory(num_embeddings, embedding_dim, **options):
    return Embedding(num_embeddings, embedding_dim, **options)

class Adapter:
    def describe(self): return "described"
    def make(self): ...

adapter = Adapter()

class NeedsMore(Adapter):
    def __init__(self, path): ...

class OneArgument:
    def __init__(self, sizes): ...

def no_weight(rows, columns): return object()

def other_shape(rows, columns): return Embedding(columns, rows)

def fails(rows, columns): raise ZeroDivisionError("first line\\nsecond line")

number = 3
'''


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with modules of a user's."""
    (tmp_path / "somebodys.py").write_text(USER, encoding="utf-8")
    (tmp_path / "broken_module.py").write_text("1 / 0\n", encoding="utf-8")
    (tmp_path / "no_python.py").write_text("def\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_bundled_adapters_are_found_by_name() -> None:
    assert set(BUNDLED) >= {"torch", "torch-functional"}
    assert not {name for name in BUNDLED if "_" in name}
    assert isinstance(resolve("torch"), TorchModuleAdapter)
    assert isinstance(resolve("torch-functional"), TorchFunctionalAdapter)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("target", "name", "inherits", "ledger"),
    [
        ("somebodys:Embedding", "somebodys.Embedding", True, "torch"),
        ("somebodys:Space.Inner", "somebodys.Space.Inner", True, "torch"),
        ("somebodys:partial", "somebodys.partial", True, "torch"),
        ("somebodys:factory", "somebodys.factory", True, "torch"),
        ("torch.nn:Embedding", "torch.nn.Embedding", False, "torch"),
        ("torch.nn.modules.sparse:Embedding", "torch.nn.Embedding", False, "torch"),
    ],
)
def test_classes_and_factories_are_driven_like_torchs_own(target: str, name: str, inherits: bool, ledger: str) -> None:
    description = resolve(target).describe()
    assert isinstance(description, Description)
    assert (description.name, description.ledger) == (name, ledger)
    assert description.inherits == inherits or not ledger


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("target", ["somebodys:Adapter", "somebodys:adapter"])
def test_adapters_are_taken_as_they_are(target: str) -> None:
    assert resolve(target).describe() == "described"  # type: ignore[comparison-overlap]


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("", ["neither a bundled adapter (", "torch", "module:attribute"]),
        ("torhc", ["neither a bundled adapter (", "torch", "module:attribute"]),
        ("torch_functional", ["torch-functional"]),
        ("somebodys", ["module:attribute"]),
        ("somebodys:", ["module:attribute"]),
        ("nowhere:Embedding", ["importing nowhere raised ModuleNotFoundError", "No module named 'nowhere'"]),
        ("broken_module:Embedding", ["importing broken_module raised ZeroDivisionError"]),
        ("no_python:Embedding", ["importing no_python raised SyntaxError"]),
        ("somebodys:Embeding", ["somebodys has no attribute 'Embeding'"]),
        ("somebodys:Space.Outer", ["somebodys has no attribute 'Space.Outer'"]),
        ("somebodys:number", ["number is a int", "a class or factory with nn.Embedding's signature, or an adapter"]),
        ("somebodys:OneArgument", ["(3, 2) raised TypeError", "(num_embeddings, embedding_dim, ...)"]),
        ("somebodys:fails", ["(3, 2) raised ZeroDivisionError: first line;", "(num_embeddings, embedding_dim, ...)"]),
        ("somebodys:no_weight", ["no weight of shape (3, 2)", "an adapter of its own"]),
        ("somebodys:other_shape", ["no weight of shape (3, 2)", "an adapter of its own"]),
        ("somebodys:NeedsMore", ["somebodys:NeedsMore() raised TypeError", "called without arguments"]),
    ],
)
def test_what_cannot_be_tested_is_named_in_one_line(target: str, words: list[str]) -> None:
    with pytest.raises(UnusableTarget) as caught:
        resolve(target)
    said = str(caught.value)
    assert said.startswith(f"--embedding {target}: ")
    assert "\n" not in said
    for word in words:
        assert word in said
