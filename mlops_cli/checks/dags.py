"""MLP3xx: DAG files read as text, by `ast`: nothing is imported and no Airflow is needed."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity

from .base import Finding, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Source, Subject

_NEEDS: Final = ("MLP202", "MLP204")

# What belongs to the model's environment and is not on a worker, or takes seconds to import.
_HEAVY: Final = {
    "catboost", "dask", "datasets", "duckdb", "evidently", "imblearn", "keras", "lightgbm",
    "matplotlib", "mlflow", "numpy", "optuna", "pandas", "plotly", "polars", "pyarrow", "pyspark",
    "sagemaker", "scipy", "seaborn", "shap", "skl2onnx", "sklearn", "skops", "statsmodels",
    "tensorflow", "torch", "transformers", "xgboost",
}  # fmt: skip
# https://airflow.apache.org/docs/apache-airflow/stable/installation/upgrading_to_airflow3.html
_REMOVED: Final = {
    "conf": "",
    "execution_date": "logical_date",
    "next_ds": "data_interval_end | ds",
    "next_ds_nodash": "data_interval_end | ds_nodash",
    "next_execution_date": "data_interval_end",
    "prev_ds": "prev_data_interval_start_success | ds",
    "prev_ds_nodash": "prev_data_interval_start_success | ds_nodash",
    "prev_execution_date": "prev_data_interval_start_success",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "tomorrow_ds": "macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "macros.ds_add(ds, 1) | replace('-', '')",
    "yesterday_ds": "macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "macros.ds_add(ds, -1) | replace('-', '')",
}
_JINJA: Final = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_NAME: Final = re.compile(r"(?<![\w.'\"])([A-Za-z_]\w*)")
_FROM_OUTSIDE: Final = re.compile(r"\bdag_run\s*\.\s*conf\b|\bparams\s*[.\[]")
_COMMANDS: Final = {"bash_command", "sql", "hql", "command", "commands", "query", "arguments"}


@check("MLP301", requires=_NEEDS)
def file_makes_a_dag(subject: Subject) -> Iterator[Finding]:
    """Every file in `dags/` makes a DAG.

    Why: Airflow says nothing about a file without one; the pipeline is just not there.

    Fix: add a function with `@dag` and call it, or give a file of shared code a name that begins
    with `_`.
    """
    for source in subject.dag_sources:
        if source.tree and not any(_makes_dag(node) for node in ast.walk(source.tree)):
            yield Finding("The file makes no DAG", source.path)


@check("MLP302", requires=_NEEDS)
def dag_function_is_called(subject: Subject) -> Iterator[Finding]:
    """Every function with `@dag` is called.

    Why: the decorator only makes a factory. Without the call there is no DAG, and Airflow reports
    no error.

    Fix: end the file with a call, such as `training()`.
    """
    for source in subject.dag_sources:
        if source.tree is None:
            continue
        called = {
            node.func.id
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        for node in ast.walk(source.tree):
            if not (isinstance(node, ast.FunctionDef) and _is_dag_function(node)):
                continue
            if node.name not in called:
                yield Finding(
                    f"`{node.name}` has `@dag` and is never called: there will be no DAG",
                    source.path,
                    node.lineno,
                    node.col_offset + 1,
                    hint=f"End the file with `{node.name}()`",
                )


@check("MLP303", requires=_NEEDS)
def nothing_is_asked_while_parsing(subject: Subject) -> Iterator[Finding]:
    """No variable or connection is read while the file is parsed.

    Why: Airflow parses a DAG file every few seconds, and again in each task: every
    `Variable.get` at the top is a query each time, and a missing variable is an import error.

    Fix: read it inside the task, or use a template such as `{{ var.value.name }}`.
    """
    for source in subject.dag_sources:
        for node in _at_import(source):
            if name := _asks(node):
                yield Finding(
                    f"`{name}` is called while the file is parsed",
                    source.path,
                    node.lineno,
                    node.col_offset + 1,
                    hint="Call it inside the task that needs it",
                )


@check("MLP304", requires=_NEEDS)
def no_heavy_import(subject: Subject) -> Iterator[Finding]:
    """No DAG file imports a machine-learning library at its top.

    Why: it is not there on an Airflow worker, whose environment is kept apart from the model's,
    and where it is, it slows every parse of the file by seconds.

    Fix: move the work to a step in the model's package, which runs in the model's own environment.
    """
    for source in subject.dag_sources:
        for node in _at_import(source):
            for name in _imported(node):
                if name in _HEAVY:
                    yield Finding(
                        f"`{name}` is imported at the top of a DAG file",
                        source.path,
                        node.lineno,
                        node.col_offset + 1,
                        hint=f"Import `{name}` in the model's package, in the step that needs it",
                    )


@check("MLP305", requires=_NEEDS)
def no_removed_template_names(subject: Subject) -> Iterator[Finding]:
    """No template uses a name that Airflow 3 has removed.

    Why: `{{ execution_date }}` and its kind are undefined since Airflow 3, and no import and no
    linter notices; the task fails when it runs.

    Fix: use the name in the hint.
    """
    for source in subject.dag_sources:
        for node, text in _strings(source):
            for inside in _JINJA.findall(text):
                for name in dict.fromkeys(_NAME.findall("".join(inside))):
                    if name in _REMOVED:
                        instead = _REMOVED[name]
                        yield Finding(
                            f"The template name `{name}` was removed in Airflow 3",
                            source.path,
                            node.lineno,
                            node.col_offset + 1,
                            hint=f"Use `{{{{ {instead} }}}}`" if instead else None,
                        )


@check("MLP306", requires=_NEEDS)
def no_outside_text_in_commands(subject: Subject) -> Iterator[Finding]:
    """No `dag_run.conf` or `params` goes into the text of a command or a query.

    Why: whoever may trigger a run writes that text, and the shell or the database runs it
    (CVE-2026-30898 was this line in an example).

    Fix: pass the value beside the command: `env={"NAME": "{{ params.name }}"}` and `"$NAME"` in
    the command; `parameters=` for SQL.
    """
    for source in subject.dag_sources:
        for node in ast.walk(source.tree) if source.tree else ():
            for word, value in _commands(node):
                text = "".join(part for _, part in _strings_in(value))
                if any(_FROM_OUTSIDE.search("".join(inside)) for inside in _JINJA.findall(text)):
                    yield Finding(
                        f"`{word}` holds text that whoever triggers a run can choose",
                        source.path,
                        value.lineno,
                        value.col_offset + 1,
                        hint="Pass it as `env=` (shell) or `parameters=` (SQL)",
                    )


@check("MLP307", severity=Severity.WARNING, requires=("MLP101", *_NEEDS))
def variables_are_declared(subject: Subject) -> Iterator[Finding]:
    """Every Airflow variable the DAGs read is named in `mlops.yaml`.

    Why: a variable that exists on one Airflow and not on the next is the commonest reason why a
    pipeline works here and fails there.

    Fix: add it to `variables:` in `mlops.yaml`, or take the setting into the `model:` section.
    """
    declared = set(subject.project.variables) if subject.project else set()
    for source in subject.released_sources:
        at_import = {id(node) for node in _at_import(source)}  # MLP303 speaks of those
        for node in ast.walk(source.tree) if source.tree else ():
            name = None if id(node) in at_import else _variable_name(node)
            if name is not None and name not in declared and isinstance(node, ast.Call):
                yield Finding(
                    f"The variable `{name}` is not declared in `mlops.yaml`",
                    source.path,
                    node.lineno,
                    node.col_offset + 1,
                    hint=f"Add `variables: [{', '.join(sorted({*declared, name}))}]`",
                )


def _is_dag_function(node: ast.FunctionDef) -> bool:
    return any(_last_name(decorator) == "dag" for decorator in node.decorator_list)


def _makes_dag(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef):
        return _is_dag_function(node)
    return isinstance(node, ast.Call) and _last_name(node) in {
        "DAG",
        "DagFactory",
        "load_yaml_dags",
    }


def _last_name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _at_import(source: Source) -> Iterator[ast.stmt | ast.expr]:
    """What is run by parsing: not the inside of functions, but that of `@dag` functions."""
    waiting: list[ast.AST] = [source.tree] if source.tree else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += [*node.decorator_list, *node.args.defaults]
            if not (isinstance(node, ast.FunctionDef) and _is_dag_function(node)):
                continue
        if isinstance(node, ast.Lambda) or _only_for_types(node):
            continue
        if isinstance(node, (ast.stmt, ast.expr)):
            yield node
        waiting += list(ast.iter_child_nodes(node))


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING"


def _asks(node: ast.AST) -> str | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    asked = (_last_name(node.func.value), node.func.attr)
    known = {("Variable", "get"), ("Connection", "get"), ("BaseHook", "get_connection")}
    return f"{asked[0]}.{asked[1]}" if asked in known else None


def _imported(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Import):
        return tuple(alias.name.split(".")[0] for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return (node.module.split(".")[0],)
    return ()


def _strings(source: Source) -> Iterator[tuple[ast.expr, str]]:
    documentation = {
        id(node.body[0].value)
        for node in (ast.walk(source.tree) if source.tree else ())
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node, text in _strings_in(source.tree) if source.tree else ():
        if id(node) not in documentation:
            yield node, text


def _strings_in(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value


def _commands(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The arguments of a call whose text is run; and what a `@task.bash` function returns."""
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg in _COMMANDS:
                yield keyword.arg, keyword.value
    elif isinstance(node, ast.FunctionDef) and "bash" in map(_last_name, node.decorator_list):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Return) and inner.value is not None:
                yield "@task.bash", inner.value


def _variable_name(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call) or _asks(node) != "Variable.get" or not node.args:
        return None
    first = node.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
