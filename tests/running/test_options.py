"""Bad input ends the run before it begins: one line that names what was wrong, exit status 2, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedding_conformance.running import hooks
from embedding_conformance.running.options import HELP
from processes import python

FEW = ("--pyargs", "embedding_conformance", "-p", "no:cacheprovider", "-k", "test_shape")
OPTIONS = "embedding, embedding_isolation, embedding_device, embedding_dtype, embedding_clause, embedding_profile"
ENTRY = '[[deviation]]\nclauses = ["sparse.layot"]\nwhere = {}\ndoes = "raises"\nreason = "x"\n'

Refusal = Callable[..., str]


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """Begin a run that is refused, in a folder of its own; the line that it ends with."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.toml").write_text("not = = toml", encoding="utf-8")
    (tmp_path / "entry.toml").write_text(ENTRY, encoding="utf-8")

    def begin(*arguments: str) -> str:
        given = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert not {name.removeprefix("--") for name in given} - set(HELP)
        config: Any = SimpleNamespace(
            stash=pytest.Stash(), getoption=given.get, getini=lambda _name: None, rootpath=tmp_path
        )
        with pytest.raises(pytest.exit.Exception) as caught:
            hooks.session(config)
        assert caught.value.returncode == 2
        assert caught.value.msg is not None
        assert "\n" not in caught.value.msg
        return caught.value.msg

    return begin


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--embedding", "torhc"], ["--embedding torhc", "a bundled adapter (", "module:attribute", "mean 'torch'?"]),
        (["--embedding", ""], ["--embedding: names nothing", "leave it out for torch"]),
        (["--embedding", "plain"], ["--embedding plain: names a module only", "plain:NAME"]),
        (["--embedding", "plain:"], ["--embedding plain:: names a module only", "plain:NAME"]),
        (["--embedding", "plain.Plain"], ["--embedding plain.Plain: write plain:Plain, with a colon"]),
        (["--embedding", ":Plain"], ["nor of the form module:attribute"]),
        (["--embedding", "plain.py:Plain"], ["importing plain.py raised", "a module is named without .py: plain"]),
        (["--embedding", "partial:INSTANCE"], ["INSTANCE is a Embedding; it must be a class or factory"]),
        (["--embedding", "nowhere:Embedding"], ["--embedding nowhere:Embedding", "No module named 'nowhere'"]),
        (["--embedding", "torch.nn:Embeding"], ["torch.nn has no attribute 'Embeding'; did you mean 'Embedding'?"]),
        (["--embedding", "torch:pi"], ["pi is a float", "a class or factory with nn.Embedding's signature"]),
        (["--embedding", "torch.nn:ReLU"], ["torch.nn:ReLU(3, 2) raised TypeError", "(num_embeddings, embedding_dim"]),
        (["--embedding", "torch.nn:Bilinear"], ["torch.nn:Bilinear(3, 2) raised TypeError", "or be an adapter"]),
        (["--embedding", "torch.nn:Linear"], ["no weight of shape (3, 2)", "an adapter of its own"]),
        (["--embedding", "plain:DescribesBadly"], ["answered with a str, not a Description"]),
        (["--embedding", "plain:CannotDescribe"], ["raised ZeroDivisionError: last line"]),
        (["--embedding", "rough:ClaimsOddly"], ["answered with the dtype 'float8'; the suite has float32, float64"]),
        (["--embedding", "rough:ClaimsNothing"], ["answered with () as dtypes; they must be names, at least one"]),
        (
            ["--embedding", "rough:DeclaresOddly"],
            ["the unknown feature 'padding' among", "did you mean 'padding_idx'?"],
        ),
        (["--embedding", "command:./nothing"], ["--embedding command:./nothing: cannot be started: No such file"]),
        (["--embedding", "command:false"], ["asked to describe itself", "died (exit status 1)"]),
        (["--embedding", "command:echo hello"], ["asked to describe itself, it answered nonsense: 'hello'"]),
        (["--embedding", "plain:Plane", "--embedding-isolation", "process"], ["plain has no attribute 'Plane'"]),
        (["--embedding-isolation", "always"], ["--embedding-isolation always: must be one of auto, process, none"]),
        (["--embedding-profile", "fast"], ["--embedding-profile fast: must be one of smoke, default, thorough"]),
        (["--embedding-level", "may"], ["--embedding-level may: must be one of should, must"]),
        (["--embedding-device", "abacus"], ["--embedding-device abacus: not there; there are cpu"]),
        (["--embedding-device", "cpu,abacus"], ["--embedding-device abacus: not there"]),
        (["--embedding-dtype", "int8"], ["--embedding-dtype int8: not there; there are float16"]),
        (["--embedding-dtype", " , "], ["--embedding-dtype: names nothing; there are float16"]),
        (["--embedding-deviations", "none.toml"], ["none.toml: No such file", "bundled ledgers: ", "torch"]),
        (["--embedding-deviations", "."], [".: Is a directory"]),
        (["--embedding-deviations", "text.toml"], ["text.toml: not TOML"]),
        (["--embedding-deviations", "entry.toml"], ["entry.toml, deviation 1", "did you mean 'sparse.layout'?"]),
        (["--embedding-baseline", "update"], ["--embedding-baseline update: must be one of write, prune"]),
        (["--embedding-baseline", "write"], ["needs --embedding-deviations FILE, the file to write"]),
        (["--embedding-baseline", "prune"], ["needs --embedding-deviations FILE, the file to prune"]),
        (
            ["--embedding-baseline", "write", "--embedding-deviations", "torch"],
            ["needs --embedding-deviations FILE", "torch is a bundled ledger"],
        ),
        (["--embedding-baseline", "prune", "--embedding-deviations", "none.toml"], ["none.toml: No such file"]),
        (["--embedding-baseline", "write", "--embedding-deviations", "text.toml/new"], ["text.toml/new", "folder of"]),
        (["--embedding-results", "."], ["--embedding-results .: cannot be written; name a file in a folder of yours"]),
        (["--embedding-results", "text.toml/x"], ["--embedding-results text.toml/x: ", "name a file in a folder of"]),
        (["--embedding-html", "."], ["--embedding-html .: cannot be written; name a file in a folder of yours"]),
    ],
    ids=lambda value: " ".join(value[:2]) if "--" in value[0] else "",
)
def test_a_bad_option_is_named(refusal: Refusal, arguments: list[str], words: list[str]) -> None:
    said = refusal(*arguments)
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[tool.embedding-conformance]\nembeding = 'torch'",
            ["an unknown key 'embeding'; did you mean 'embedding'?", OPTIONS],
        ),
        ("[tool.embedding-conformance]\nembedding_level = 'may'", ["--embedding-level may: must be one of"]),
        ("[tool.embedding-conformance]\nembedding = 3", ["embedding is 3; it must be a string or a list of strings"]),
        ("[tool.embedding-conformance]\nembedding_dtype = [1]", ["embedding_dtype is [1]; it must be a string or"]),
        ("[tool.embedding_conformance]\nembedding = 'x'", ["is not read; write [tool.embedding-conformance]"]),
        ("[tool]\nembedding-conformance = 3", ["must be a table, [tool.embedding-conformance]"]),
    ],
)
def test_a_bad_table_in_pyproject_is_named(tmp_path: Path, refusal: Refusal, text: str, words: list[str]) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    said = refusal()
    for word in words:
        assert word in said


TABLE = "[tool.embedding-conformance]\nembedding_dtype = ['float64', 'float32']\nembedding-profile = 'smoke'\n"
INI = "[tool.pytest.ini_options]\nembedding_dtype = 'float64'\n"


@pytest.mark.parametrize(
    ("pyproject", "arguments", "dtypes"),
    [
        ("", [], "float32, float64"),
        (TABLE, [], "float64, float32"),
        (TABLE + INI, [], "float64"),
        (TABLE + INI, ["--embedding-dtype", "float32"], "float32"),
    ],
    ids=["default", "table", "ini", "command line"],
)
def test_the_command_line_comes_before_the_ini_file_and_that_before_the_table(
    tmp_path: Path, pyproject: str, arguments: list[str], dtypes: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    done = python("-m", "pytest", *FEW, "--embedding", "plain:Plain", *arguments, folder=tmp_path)
    assert done.returncode == 0
    assert f"dtypes: {dtypes}; devices: cpu" in done.stdout
    assert f"profile: {'smoke' if pyproject else 'default'}; " in done.stdout


PATHS = "embedding_deviations = 'own.toml'\nembedding_results = 'out/results.json'\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", f"[tool.embedding-conformance]\n{PATHS}"),
        ("pyproject.toml", f"[tool.pytest.ini_options]\n{PATHS}"),
        ("pytest.ini", f"[pytest]\n{PATHS}".replace("'", "")),
    ],
    ids=["table", "pyproject", "ini"],
)
def test_a_path_in_a_file_starts_there_and_one_on_the_command_line_here(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / "own.toml").touch()
    here = tmp_path / "here"
    here.mkdir()
    done = python("-m", "pytest", *FEW, "--embedding", "plain:Plain", "--embedding-html", "page.html", folder=here)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "results.json").exists()
    assert (here / "page.html").exists()
    assert not (here / "out").exists()


def test_a_file_can_name_a_bundled_ledger(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nembedding_deviations = torch\n", encoding="utf-8")
    assert python("-m", "pytest", *FEW, "--embedding", "plain:Plain", folder=tmp_path).returncode == 0


def test_every_option_is_in_the_help() -> None:
    text = " ".join(python("-m", "pytest", "--help").stdout.split())
    for name, (metavar, _, said) in HELP.items():
        assert f"--{name}={metavar} {said}" in text
        assert f" {name.replace('-', '_')} (string):" in text


def test_the_exit_status_is_2_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = python("-m", "pytest", *FEW, "--embedding", "torhc", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout.strip() == ""
    assert done.stderr.startswith("Exit: --embedding torhc: ")
    assert len(done.stderr.splitlines()) == 1
