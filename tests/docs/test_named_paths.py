"""The pages name files and folders that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
BASES = (
    ROOT,
    ROOT / "reference",
    ROOT / "conformance",
    ROOT / "conformance" / "embedding_conformance",
    ROOT / "reports",
    ROOT / "reports" / "embedding_reports",
)
"""Where the path that a page names may start: short names are read from the folder of a package."""

MADE = ("reports/out/", ".hypothesis/", ".tox/", ".venv/")
"""Folders that runs write, which a checkout need not have."""

PLACEHOLDER = re.compile(r"(?<![A-Z])(NAME|VERSION|SECTION|WHAT)(?![A-Z])")
"""Words that stand for others: `NAME.py` names no file."""

IN_A_FOLDER = re.compile(r"[\w.*-]+(/[\w.*-]+)*/|[\w.*-]+(/[\w.*-]+)+\.(py|md|toml|json|html|ini|yml|mjs)")
PACKAGES = ("embedding_reference", "embedding_conformance", "embedding_reports")


def words(text: str) -> list[str]:
    """The words in backticks, but for those in a block of code."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [word for quoted in re.findall(r"`([^`\n]+)`", prose) for word in quoted.split()]


def named(text: str) -> set[str]:
    """The words in backticks that look like a path in this repository; of a clause's test, the file."""
    found = {word.partition("::")[0] for word in words(text)}
    found |= set(re.findall(r"\bpython ((?:\w+/)+\w+\.py)\b", text))
    return {
        word
        for word in found
        if IN_A_FOLDER.fullmatch(word) and not word.startswith(MADE) and not PLACEHOLDER.search(word)
    }


def there(path: str) -> bool:
    """Whether a path, which may have a `*`, leads to something."""
    return any(next(base.glob(path.rstrip("/")), None) is not None for base in BASES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    assert {path for path in named(page.read_text("utf-8")) if not there(path)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_page_names_is_there(page: Path) -> None:
    dotted = {word for word in words(page.read_text("utf-8")) if re.fullmatch(rf"({'|'.join(PACKAGES)})(\.\w+)+", word)}
    assert {name for name in dotted if not module_or_name(name)} == set()


def module_or_name(dotted: str) -> bool:
    """Whether there is a module of this name, or one that has the last part of it in its text."""
    path = dotted.replace(".", "/")
    module, _, name = path.rpartition("/")
    if there(f"{path}.py") or there(f"{path}/__init__.py"):
        return True
    holders = [base / f"{module}{end}" for base in BASES for end in (".py", "/__init__.py")]
    return any(name in holder.read_text("utf-8") for holder in holders if holder.exists())


def tree() -> dict[str, set[str]]:
    """The folders of the tree in the README: those of the first level, and the folders listed under each."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = text.partition("## How it is built")[2].partition("```text\n")[2].partition("```")[0]
    found: dict[str, set[str]] = {}
    for line in filter(str.strip, block.splitlines()):
        path = line.split()[0]
        if line.startswith("  "):
            found[next(reversed(found))].add(path.rstrip("/"))
        else:
            found[path.rstrip("/")] = set()
    return found


def folders(home: Path) -> set[str]:
    """The folders in a folder, but for what runs and tools leave there, and for what is hidden."""
    left = ("__pycache__", "build", "dist", "out")
    return {path.name for path in home.iterdir() if path.is_dir() and path.name not in left and is_ours(path.name)}


def is_ours(name: str) -> bool:
    """Whether a folder belongs to the project, by its name."""
    return not name.startswith(".") and not name.endswith(".egg-info")


def test_the_tree_of_the_readme_is_the_tree() -> None:
    drawn = tree()
    assert {path for path in drawn if not (ROOT / path).exists()} == set()
    assert {path.partition("/")[0] for path in drawn if "." not in path} == folders(ROOT) - {"shared"}
    for path, inside in drawn.items():
        if inside:
            assert inside == folders(ROOT / path), path


def test_the_suite_is_called_by_its_name_everywhere() -> None:
    """`pytest --pyargs embedding_conformance`, in whatever is read or run."""
    texts = [*PAGES, ROOT / "tox.ini", ROOT / "action.yml", *ROOT.glob(".github/**/*.yml")]
    texts += [
        path for name in ("conformance", "reports", "tests", "publishing") for path in ROOT.glob(f"{name}/**/*.py")
    ]
    texts.remove(ROOT / "CHANGELOG.md")  # which says how it was called before
    other = {
        f"{path.relative_to(ROOT)}: {called}"
        for path in texts
        if path != Path(__file__)
        for called in re.findall(r"--pyargs\W+(\w+)", path.read_text("utf-8"))
        if called != "embedding_conformance"
    }
    assert other == set()


WRITTEN = [
    page
    for page in PAGES
    if page.stem not in ("contract", "detection", "performance", "scoreboard", "torch-releases", "protocol")
]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_lines_of_prose_are_at_most_140_wide(page: Path) -> None:
    """Those of pages that people write; tables and code are as wide as they are."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in prose.splitlines() if not line.lstrip().startswith("|") and not line.startswith("    ")]
    assert [line for line in lines if len(line) > 140] == []
