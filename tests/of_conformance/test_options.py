"""Bad input ends the run before it begins: one line that names what was wrong, exit status 2, no traceback."""

from __future__ import annotations

import pytest
from processes import python

import conformance.adapters.torch_module  # noqa: F401 - torch can be loaded once a process

pytest_plugins = ["pytester"]

OPTIONS = "embedding, embedding_isolation, embedding_device, embedding_dtype, embedding_profile"
FEW = ("--pyargs", "conformance", "-k", "test_bits", "-p", "no:cacheprovider")
ENTRY = '[[deviation]]\nclause = "sparse.layot"\nfeatures = {}\nreason = "x"\n'


def refusal(pytester: pytest.Pytester, *arguments: str) -> str:
    """The one line with which a run is refused."""
    done = pytester.runpytest_inprocess(*FEW, *arguments)
    assert done.ret == 2
    (line,) = [line for line in (*done.outlines, *done.errlines) if line.strip()]
    assert line.startswith("Exit: ")
    return line.removeprefix("Exit: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--embedding", "torhc"], ["--embedding torhc", "a bundled adapter (", "torch", "module:attribute"]),
        (["--embedding", "nowhere:Embedding"], ["--embedding nowhere:Embedding", "No module named 'nowhere'"]),
        (["--embedding", "torch.nn:Embeding"], ["torch.nn has no attribute 'Embeding'"]),
        (["--embedding", "torch:pi"], ["pi is a float", "a class or factory with nn.Embedding's signature"]),
        (["--embedding", "torch.nn:ReLU"], ["torch.nn:ReLU(3, 2) raised TypeError", "(num_embeddings, embedding_dim"]),
        (["--embedding", "torch.nn:Bilinear"], ["torch.nn:Bilinear(3, 2) raised TypeError", "or be an adapter"]),
        (["--embedding", "torch.nn:Linear"], ["no weight of shape (3, 2)", "an adapter of its own"]),
        (["--embedding", "plain:DescribesBadly"], ["answered with a str, not a Description"]),
        (["--embedding", "plain:CannotDescribe"], ["raised ZeroDivisionError: last line"]),
        (["--embedding", "command:./nothing"], ["--embedding command:./nothing: cannot be started: No such file"]),
        (["--embedding", "command:false"], ["asked to describe itself", "died (exit status 1)"]),
        (["--embedding", "command:echo hello"], ["asked to describe itself", "answered nonsense: 'hello'"]),
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
def test_a_bad_option_is_named(pytester: pytest.Pytester, arguments: list[str], words: list[str]) -> None:
    pytester.makefile(".toml", text="not = = toml", entry=ENTRY)
    said = refusal(pytester, *arguments)
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.embedding-conformance]\nembeding = 'torch'", ["an unknown key 'embeding'; keys: " + OPTIONS]),
        ("[tool.embedding-conformance]\nembedding_level = 'may'", ["--embedding-level may: must be one of"]),
        ("[tool]\nembedding-conformance = 3", ["must be a table, [tool.embedding-conformance]"]),
    ],
)
def test_a_bad_table_in_pyproject_is_named(pytester: pytest.Pytester, text: str, words: list[str]) -> None:
    pytester.makepyprojecttoml(text)
    said = refusal(pytester)
    for word in words:
        assert word in said


def header(pytester: pytest.Pytester, *arguments: str) -> str:
    """What a run that selects no test says of its options."""
    done = pytester.runpytest_inprocess(*FEW[:-4], "-k", "no_such_test", "-p", "no:cacheprovider", *arguments)
    (line,) = [line for line in done.outlines if line.startswith("dtypes: ")]
    return line


TABLE = "[tool.embedding-conformance]\nembedding_dtype = ['float16', 'float64']\n"


def test_the_table_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(TABLE)
    assert header(pytester) == "dtypes: float16, float64; devices: cpu"


def test_keys_of_the_table_may_have_dashes(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(TABLE.replace("embedding_dtype", "embedding-dtype"))
    assert header(pytester) == "dtypes: float16, float64; devices: cpu"


def test_the_ini_file_comes_before_the_table(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\nembedding_dtype = 'bfloat16'\n" + TABLE)
    assert header(pytester) == "dtypes: bfloat16; devices: cpu"


def test_the_command_line_comes_first(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\nembedding_dtype = 'bfloat16'\n" + TABLE)
    assert header(pytester, "--embedding-dtype", "float32, float16,float32") == "dtypes: float32, float16; devices: cpu"


def test_by_default_every_dtype_is_run(pytester: pytest.Pytester) -> None:
    assert header(pytester).startswith("dtypes: float16, bfloat16, float32, float64, complex64, complex128;")


def test_every_option_is_in_the_help(pytester: pytest.Pytester) -> None:
    text = " ".join(pytester.runpytest_inprocess("--help").stdout.str().split())
    for name in ("isolation", "device", "dtype", "profile", "deviations", "level", "results", "html", "baseline"):
        assert f"--embedding-{name}=" in text
        assert f"embedding_{name}" in text
    assert "(default: torch)" in text


def test_the_exit_status_is_2_in_a_process_of_its_own(pytester: pytest.Pytester) -> None:
    done = python("-m", "pytest", *FEW, "--embedding", "torhc", folder=pytester.path)
    assert done.returncode == 2
    assert done.stdout.strip() == ""
    assert done.stderr.startswith("Exit: --embedding torhc: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["reports", "reference"])
def test_a_folder_of_the_users_that_shadows_ours_is_named(pytester: pytest.Pytester, name: str) -> None:
    """Under `python -m pytest`, which puts the current folder first on the import path."""
    (pytester.mkpydir(name) / "__init__.py").write_text("mine = True\n")
    done = python("-m", "pytest", *FEW, "--embedding", "plain:Plain", folder=pytester.path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"its own package {name!r}, but {pytester.path / name} comes first" in line
    assert "run pytest from another folder, or rename that one" in line
