"""The command: `catenary demo`, `catenary derive FILE.py:function`, `catenary plan FILE.py:function`.

Whatever is wrong with the file, the function or the shapes is said in one line that tells what to do; exit code 2.
JAX is imported inside the commands, so that `catenary --help` answers at once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(
    "Derive, plan and compute derivatives of JAX programs: the shape of least work for the chain rule."
))  # fmt: skip

Target = Annotated[str, typer.Argument(metavar="FILE.py:function", help="a function in a Python file")]
Shapes = Annotated[list[str] | None, typer.Option("--shape", metavar="X=N,n", help=(
    "sizes of an argument, names or numbers; X= for a scalar, X=N:int32 for a dtype, params.w=n for a part (repeat)"
))]  # fmt: skip
Argnums = Annotated[str, typer.Option(metavar="0,1 | w,b", help="the arguments to differentiate, by number or name")]
Latex = Annotated[bool, typer.Option("--latex", help="print LaTeX")]
Python = Annotated[bool, typer.Option("--python", help="print Python that computes it")]
Markdown = Annotated[bool, typer.Option("--markdown", help="print Markdown")]
Html = Annotated[Path | None, typer.Option("--html", metavar="OUT", help="write a page to OUT")]
Form = Annotated[str, typer.Option(metavar="NAME", help="matrix, labels or index; several as matrix,index")]
Times = Annotated[int, typer.Option(help="1 for gradient or Jacobian, 2 for the Hessian")]
Formula = Annotated[str | None, typer.Option("--check", metavar="FORMULA", help=(
    'compare with your own, as "2*A.T @ (A @ x - b)"; exit code 1 if it differs, and what differs'
))]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Order = Annotated[str, typer.Option(metavar="NAME", help="auto, reverse, forward or cross-country")]
Cost = Annotated[str, typer.Option(metavar="MODEL", help="time, flops, multiplications or products")]
Search = Annotated[
    str, typer.Option(metavar="HOW", help="fast, thorough, or a number of seconds; Ctrl-C takes the best")
]

#: What JSON tells of a plan.
PLANNED = (
    "name cost model device formula flops alternatives lower_bound gap bytes remembered order pushed rows"
).split()  # fmt: skip
JSON: dict[str, Any] = {"indent": 2, "ensure_ascii": False, "default": str}  # a symbolic size is written as its formula


class Stop(Exception):
    """Something the user can put right; its text is the one line to show."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command; a mistake of the user's ends it with one line and exit code 2."""
    try:
        sys.exit(app(arguments or sys.argv[1:] or ["--help"], prog_name="catenary", standalone_mode=False))
    except Stop as stop:
        message = str(stop)
    except typer.Abort:
        message = "stopped"
    except Exception as error:
        if not hasattr(error, "format_message"):  # not a usage error of typer's, so a fault of ours: show it all
            raise
        message = f"{error.format_message().rstrip('.')}. See catenary --help."
    print(f"catenary: {message}", file=sys.stderr)
    sys.exit(2)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="where the figure and the text are written")] = Path("out"),
) -> None:
    """Derive, plan and train on 1,797 handwritten digits, in under a minute; writes out/demo.png."""
    if missing := [name for name in ("matplotlib", "jaxtyping") if importlib.util.find_spec(name) is None]:
        raise Stop(f"the demo needs {' and '.join(missing)}: pip install 'catenary[demo]'")
    program = _load(_examples() / "demo.py")
    try:
        program.run(out)
    except OSError as error:
        raise Stop(f"cannot write to {out}: {error.strerror}; choose another place with --out") from None


@app.command()
def derive(
    target: Target,
    shape: Shapes = None,
    argnums: Argnums = "0",
    order: Times = 1,
    form: Form = "matrix",
    latex: Latex = False,
    markdown: Markdown = False,
    html: Html = None,
    python: Python = False,
    check: Formula = None,
    as_json: Json = False,
) -> int:
    """Print the formula of a function's derivative and how it comes about."""
    import catenary as ct

    fun, args = _prepare(target, shape)
    options: dict[str, Any] = {"form": _forms(form)} | ({"order": order} if order != 1 else {})
    with _user_code(target, args), _progress(f"deriving {target}"):
        made = ct.derive(fun, *args, argnums=_argnums(argnums, fun, args), **options)
        page = made.html() if html else ""
        if as_json:
            text = json.dumps(_fields(made, "formula", "index_free", "latex", "python"), **JSON)
        else:
            text = made.latex() if latex else made.markdown() if markdown else made.python() if python else str(made)
    if html:
        _write(html, page)
    if check is not None:
        return _checked(made, check)
    if not html or latex or markdown or python or as_json:
        print(text)
    return 0


def _forms(text: str) -> str | tuple[str, ...]:
    """`"index"` or `"matrix,index"` as the forms of a derivation."""
    forms = tuple(part.strip() for part in text.split(","))
    known = ("matrix", "labels", "index")
    if wrong := [part for part in forms if part not in known]:
        raise Stop(f"--form {text}: there is no form {wrong[0]!r}; choose among {', '.join(known)}")
    return forms[0] if len(forms) == 1 else forms


def _checked(derivation: Any, formula: str) -> int:
    """Compare a formula with a derivation, and say what differs; the exit code."""
    try:
        found = derivation.check(formula)
    except Exception as error:
        said = error.msg if isinstance(error, SyntaxError) else _first_line(error)
        raise Stop(f"--check {formula!r}: {type(error).__name__}: {said}") from None
    print(f"{formula}  {found}")
    return 0 if found else 1


def _write(path: Path, text: str) -> None:
    """Write a file, and say so where the result does not go."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stop(f"cannot write {path}: {error.strerror}") from None
    print(f"wrote {path}", file=sys.stderr)


@contextlib.contextmanager
def _progress(what: str, after: float = 2.0) -> Iterator[None]:
    """Say what is being done, on stderr and only on a terminal, when it takes longer than a moment."""
    import threading

    from rich.console import Console

    status = Console(stderr=True).status(f"{what} …")
    timer = threading.Timer(after, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


@app.command()
def plan(
    target: Target,
    shape: Shapes = None,
    argnums: Argnums = "0",
    order: Order = "auto",
    cost: Cost = "time",
    search: Search = "fast",
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Print the order of least cost, what it costs, what the alternatives cost, and how far from the best it can be."""
    import catenary as ct

    fun, args = _prepare(target, shape)
    effort: Any = float(search) if search.replace(".", "", 1).isdigit() else search
    options = {"argnums": _argnums(argnums, fun, args), "order": order, "cost": cost, "search": effort}
    with _user_code(target, args), _searching(f"planning {target}", effort) as report:
        found = ct.plan(fun, *args, **options, report=report)
        page = found.html() if html else ""
        fields = _fields(found, *PLANNED)
    if html:
        _write(html, page)
    if not html or as_json:
        print(json.dumps(fields, **JSON) if as_json else found)


@contextlib.contextmanager
def _searching(what: str, effort: Any) -> Iterator[Callable[[Any, int], bool] | None]:
    """Show how a long search proceeds; the first Ctrl-C stops it and keeps the best plan found, a second one leaves."""
    if effort == "fast":
        with _progress(what):
            yield None
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    stopped, began = [], time.monotonic()
    total = effort if isinstance(effort, float) else None
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    previous = signal.getsignal(signal.SIGINT)

    def stop(*_: Any) -> None:
        stopped.append(True)
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, stop)
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"{what} …", total=total)

            def report(best: Any, moves: int) -> bool:
                shown = f"best {best:,.6g}, {moves:,} moves; Ctrl-C stops"
                bar.update(task, completed=time.monotonic() - began if total else None, description=shown)
                return bool(stopped)

            yield report
    finally:
        signal.signal(signal.SIGINT, previous)
    if stopped:
        print("stopped: this is the best plan found", file=sys.stderr)


# --- from the command line to a function and its arguments -------------------------------------------------------


def _prepare(target: str, shapes: list[str] | None) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The function that `FILE.py:function` names, and its arguments."""
    from ._signature import NoShape, arguments

    file, _, name = target.rpartition(":")
    path = Path(file or name)
    module = _load(path)
    names = [
        key for key, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == module.__name__
    ]
    have = f"it has {', '.join(names)}" if names else "it defines none"
    if not file:
        raise Stop(f"which function of {path}? {have}. Write {path}:{names[0] if names else 'function'}")
    fun = getattr(module, name, None)
    if not callable(fun):
        raise Stop(f"{path} has no function {name!r}; {have}")
    try:
        return fun, arguments(fun, _shapes(shapes or []))
    except NoShape as error:
        stem = error.argument
        raise Stop(f'{target}: {error}; annotate it, {stem}: Float[Array, "N n"], or pass --shape {stem}=N,n') from None
    except (TypeError, ValueError) as error:
        raise Stop(f"{target}: {error}") from None


def _load(path: Path) -> Any:
    """Import a file as a module, its own directory on the path; what it prints goes to stderr."""
    if path.suffix != ".py" or not path.is_file():
        why = "is a directory" if path.is_dir() else "is no Python file" if path.exists() else "does not exist"
        raise Stop(f"{path} {why}; write FILE.py:function")
    name = path.stem if path.stem not in sys.modules else f"_{path.stem}"  # a file of one's own called random.py
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    with _user_code(str(path)):
        spec.loader.exec_module(module)
    return module


def _shapes(options: list[str]) -> dict[str, str]:
    """`["X=N,n", "y=N"]` as a dictionary."""
    shapes = {}
    for option in options:
        name, equals, sizes = option.partition("=")
        if not equals or not name.strip():
            raise Stop(f"--shape {option}: write NAME=SIZES, as in --shape X=N,n or --shape y=150")
        shapes[name.strip()] = sizes
    return shapes


def _argnums(text: str, fun: Callable[..., Any], args: tuple[Any, ...]) -> int | tuple[int, ...]:
    """`"0"`, `"0,2"` or `"w,b"` as argnums, of arguments that can be differentiated."""
    names = list(inspect.signature(fun).parameters)[: len(args)]
    have = ", ".join(names)
    numbers = []
    for part in (part.strip() for part in text.split(",")):
        if part not in names and not part.lstrip("-").isdigit():
            raise Stop(f"--argnums {text}: there is no argument {part!r}; write numbers, or names among {have}")
        number = names.index(part) if part in names else int(part)
        if not -len(names) <= number < len(names):
            raise Stop(f"--argnums {text}: the function has {len(names)} arguments, numbered from 0: {have}")
        _check_real(names[number], args[number])
        numbers.append(number)
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _check_real(name: str, arg: Any) -> None:
    """Stop at an argument with a leaf that is no array of real or complex numbers."""
    import jax

    for leaf in jax.tree.leaves(arg):
        kind = jax.numpy.result_type(leaf) if hasattr(leaf, "dtype") or isinstance(leaf, int | float) else type(leaf)
        if not jax.numpy.issubdtype(kind, jax.numpy.inexact):
            shown = getattr(kind, "__name__", kind)
            raise Stop(f"argument {name!r} has dtype {shown}; give it a float dtype, or choose others with --argnums")


def _examples() -> Path:
    """The examples: inside the wheel, or beside src/ in a clone."""
    package = Path(__file__).resolve().parent
    for place in (package / "_examples", package.parents[1] / "examples"):
        if (place / "demo.py").is_file():
            return place
    raise Stop("the examples are not installed; run it from a clone of the repository")


# --- errors and output -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _user_code(what: str, sizes: Any = ()) -> Iterator[None]:
    """Run the user's code: its prints go to stderr, and its exceptions become one line with file and line number.

    `sizes` are the arguments it runs on; where they have names for sizes, the line says that numbers may help.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except Stop:
        raise
    except SyntaxError as error:
        file = _file(what) if Path(str(error.filename)) == Path(_file(what)).resolve() else error.filename
        raise Stop(f"{file}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}") from None
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {_first_line(error)}{_hint(error, sizes)}"
        raise Stop(f"{_place(what, error)}: {said}") from None


def _place(what: str, error: BaseException) -> str:
    """Where in the user's file an exception comes from, "loss.py, line 12", or the target if it is nowhere in it."""
    file = Path(_file(what)).resolve()
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    return f"{_file(what)}, line {lines[-1]}" if lines else what


def _file(what: str) -> str:
    """The file of a target, as the user typed it."""
    return what.rpartition(":")[0] or what


def _first_line(error: BaseException, longest: int = 300) -> str:
    """What an exception says, on one line: its first paragraph, without where JAX was when it was raised."""
    text = " ".join(str(error).strip().split("\n\n")[0].split()).partition(" The error occurred while")[0]
    return text if len(text) <= longest else text[:longest] + " …"


def _hint(error: BaseException, args: Any) -> str:
    """What to do about an exception of JAX's own."""
    import jax

    if isinstance(error, jax.errors.ConcretizationTypeError):
        return " A choice that depends on values is written with jnp.where or jax.lax.cond."
    symbolic = any(not isinstance(n, int) for leaf in jax.tree.leaves(args) for n in getattr(leaf, "shape", ()))
    known = type(error).__module__.startswith("catenary") or str(error).startswith("ct.")
    return " If it needs numbers for its sizes, pass them with --shape." if symbolic and not known else ""


def _fields(result: Any, *names: str) -> dict[str, Any]:
    """The named attributes of a result for JSON, methods called and rows listed."""
    values = {name: getattr(result, name) for name in names}
    values = {name: value() if callable(value) else value for name, value in values.items()}
    return {name: list(value) if isinstance(value, Iterator) else value for name, value in values.items()}


if __name__ == "__main__":
    main()
