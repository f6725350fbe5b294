"""The house rules that a program can check (CONTRIBUTING.md names them). Costs about five seconds."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from pointcloud import errors

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pointcloud", "pipelines", "api")
MAX_FILE_LINES = 400
MAX_BODY_LINES = 80
MAX_KERNEL_LINES = 50
USUAL_BODY_LINES = 40
USUAL_SHARE = 0.95
KERNEL_IMPORTS = re.compile(r"__future__|math|numba|numpy(\.\w+)*|pointcloud\.jit|pointcloud(\.\w+)*\.(\w+_)?kernels")
HEAVY = ("dask", "laspy", "matplotlib", "numba", "open3d", "rasterio", "scipy")
BANNED_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
COMMAND_LINE = {"api/command.py", "pipelines/cli.py"}
GENERATED = "api/migrations/"
"""Alembic gives these files their form."""

type_names = {name for name, kind in vars(errors).items() if inspect.isclass(kind)}
ERROR_NAMES = {name for name in type_names if issubclass(getattr(errors, name), errors.TengunError)}
BUILTIN_ERRORS = {
    name for name, kind in vars(builtins).items() if inspect.isclass(kind) and issubclass(kind, Exception)
} - {"NotImplementedError", "StopIteration"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    name = path.relative_to(ROOT).as_posix()
    return name if node is None else f"{name}:{node.lineno}"


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def walked(path: Path) -> list[ast.AST]:
    return list(ast.walk(parsed(path)))


def nodes(kind: type | tuple[type, ...], *folders: str) -> Iterator[tuple[Path, ast.AST]]:
    for path in modules(*folders):
        yield from ((path, node) for node in walked(path) if isinstance(node, kind))


def is_kernel_module(path: Path) -> bool:
    return path.stem == "kernels" or path.stem.endswith("_kernels")


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the end."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


def last_name(expression: ast.expr) -> str:
    """``c`` of ``a.b.c``; empty for anything else than a name."""
    return getattr(expression, "attr", getattr(expression, "id", ""))


def written_text(expression: ast.expr) -> str:
    """What stands literally in a text, without what is filled in or looked up."""
    match expression:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(written_text, parts))
        case ast.BinOp(left=first, right=second) | ast.IfExp(body=first, orelse=second):
            return written_text(first) + written_text(second)
    return ""


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that git has or would take."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git work tree")
    return tuple(path for name in listing.split("\0") if name and (path := ROOT / name).is_file())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in project_files():
        content = path.read_bytes()
        if b"\0" not in content:
            lines = content.decode("utf-8", errors="replace").splitlines()
            found += [f"{place(path)}:{i}: {line.strip()}" for i, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def assert_none(offenders: list[str], rule: str) -> None:
    assert not offenders, rule + "\n" + "\n".join(offenders)


def test_import_contracts_hold() -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, "broken contracts: see the captured output, or `make contracts`"


def test_kernels_import_only_numbers() -> None:
    offenders = []
    for path, node in nodes((ast.Import, ast.ImportFrom), *PACKAGES):
        if not is_kernel_module(path):
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            # `from pointcloud.ground import kernels` names the module in the alias.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [node.module] if KERNEL_IMPORTS.fullmatch(node.module or "") else names
        offenders += [f"{place(path, node)}: {n}" for n in names if not KERNEL_IMPORTS.fullmatch(n)]
    assert_none(offenders, "a kernel module imports numpy, numba, math, pointcloud.jit and other kernels only")


def test_command_line_starts_without_heavy_modules() -> None:
    """So that ``tengun --help`` answers in under half a second, whatever the machine does meanwhile."""
    program = f"import sys, api.command; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [], "import these where they are used: " + run.stdout


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*PACKAGES, "tests")}
    offenders = [f"{place(path)}: {n} lines" for path, n in lengths.items() if n > MAX_FILE_LINES]
    assert_none(offenders, f"a file has at most {MAX_FILE_LINES} lines")


def test_no_function_is_long() -> None:
    offenders = []
    for path, function in nodes((ast.FunctionDef, ast.AsyncFunctionDef), *PACKAGES, "tests"):
        limit = MAX_KERNEL_LINES if is_kernel_module(path) else MAX_BODY_LINES
        if body_lines(function) > limit:
            offenders.append(f"{place(path, function)}: {function.name} has {body_lines(function)} lines, not {limit}")
    assert_none(offenders, "a function body is too long")


def test_most_functions_are_short() -> None:
    found = [
        (body_lines(f), f"{place(p, f)}: {f.name}")
        for p, f in nodes((ast.FunctionDef, ast.AsyncFunctionDef), *PACKAGES)
    ]
    long = sorted((item for item in found if item[0] >= USUAL_BODY_LINES), reverse=True)
    share = 1 - len(long) / len(found)
    listing = "\n".join(f"{n} lines at {where}" for n, where in long)
    assert share >= USUAL_SHARE, f"{share:.1%} of functions are under {USUAL_BODY_LINES} lines\n{listing}"


def public_definitions(path: Path) -> Iterator[ast.AST]:
    """The module, its public functions and classes, and their public methods."""
    module = parsed(path)
    yield module
    for node in module.body:
        if isinstance(node, (ast.ClassDef, *Function.__args__)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                methods = (m for m in node.body if isinstance(m, Function) and not m.name.startswith("_"))
                yield from (m for m in methods if not {"override", "overload"} & set(map(last_name, m.decorator_list)))


def test_public_names_are_explained() -> None:
    offenders = []
    for path in modules(*PACKAGES):
        if place(path).startswith(GENERATED):
            continue
        for node in public_definitions(path):
            summary = (ast.get_docstring(node) or "").partition("\n")[0].strip()
            if not summary:
                offenders.append(f"{place(path)}: {getattr(node, 'name', 'module')}")
    assert_none(offenders, "a public name has a docstring that begins with a summary line")


def test_names_say_what_is_inside() -> None:
    offenders = []
    for path in modules(*PACKAGES, "tests", "tools"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        offenders += [place(path)] * any(BANNED_NAMES & set(part.split("_")) for part in parts)
    assert_none(offenders, f"no module or folder is named after {sorted(BANNED_NAMES)}")


def test_errors_speak_both_languages() -> None:
    offenders = []
    for path, call in nodes(ast.Call, *PACKAGES):
        if last_name(call.func) not in ERROR_NAMES or any(isinstance(a, ast.Starred) for a in call.args):
            continue
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        messages = [*call.args[:2], *(named[k] for k in ("en", "ja") if k in named)]
        if len(messages) != 2:
            offenders.append(f"{place(path, call)}: {len(messages)} messages")
            continue
        english, japanese = map(written_text, messages)
        if english and not re.search(r"[a-z]{2}", english):
            offenders.append(f"{place(path, call)}: no English in the first message: {english!r}")
        if japanese and not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", japanese):
            offenders.append(f"{place(path, call)}: no Japanese in the second message: {japanese!r}")
    assert_none(offenders, "an error has an English and a Japanese message")


def caught_names(module: ast.Module) -> set[str]:
    handlers = (node for node in ast.walk(module) if isinstance(node, ast.ExceptHandler) and node.type)
    return {name for handler in handlers for name in re.findall(r"\w+", ast.unparse(handler.type))}


def nodes_of_validators(module: ast.Module) -> set[int]:
    functions = (node for node in ast.walk(module) if isinstance(node, Function))
    validators = [f for f in functions if any("_validator" in ast.unparse(d) for d in f.decorator_list)]
    return {id(node) for validator in validators for node in ast.walk(validator)}


def test_only_our_errors_leave_a_module() -> None:
    """A built-in error may travel inside a module that catches it; pydantic catches those of its validators."""
    offenders = []
    for path, node in nodes(ast.Raise, "pointcloud", "pipelines"):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        module = parsed(path)
        is_builtin = raised is not None and last_name(raised) in BUILTIN_ERRORS
        if is_builtin and last_name(raised) not in caught_names(module) and id(node) not in nodes_of_validators(module):
            offenders.append(f"{place(path, node)}: {last_name(raised)}")
    assert_none(offenders, "errors come from the tree in pointcloud/errors.py")


def test_no_print_outside_the_command_line() -> None:
    calls = [(p, c) for p, c in nodes(ast.Call, *PACKAGES) if isinstance(c.func, ast.Name) and c.func.id == "print"]
    assert_none([place(p, c) for p, c in calls if place(p) not in COMMAND_LINE], "only the command line prints")


def test_no_assert_in_the_packages() -> None:
    """``python -O`` drops them, and a user learns nothing from one."""
    assert_none([place(p, n) for p, n in nodes(ast.Assert, *PACKAGES)], "input is refused with an error, not an assert")


def test_no_machine_path_is_written_down() -> None:
    homes = "|".join(("work", "root", r"home/[a-z]\w*", r"Users/[A-Za-z]\w*"))
    assert_none(lines_with(re.compile(rf"(?<![\w.$}}/~-])/({homes})/")), "paths are relative to the project")


def test_no_package_registry_is_written_down() -> None:
    """Which registry is used is the machine's own setting; that one is looked for too."""
    known = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org/debian"), ("anaconda", "org")]
    run = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    configured = set(re.findall(r"https?://(?:[^@/\s']*@)?([^/:\s']+)", run.stdout)) - {"localhost", "127.0.0.1"}
    hosts = [".".join(parts) for parts in known] + sorted(configured)
    assert_none(lines_with(re.compile("|".join(map(re.escape, hosts)))), "no file names a package registry")


def test_nothing_is_left_undone() -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X"))
    assert_none(lines_with(re.compile(rf"\b({marks})\b")), "what is not done goes into an issue, not a comment")
