"""Reads exported PyDeequ code inside PyDeequ's environment, where there is no Deequ jar.

    python spark_checks.py CODE.py DATA.parquet...

Every call of a constraint is bound to PyDeequ's own method, and its assertion is compiled. The
conditions of `satisfies` are run by Spark, as Deequ's analyzer of compliance runs them: the share
of the rows (that the filter keeps) for which they are true. What Deequ itself would compute stays
unproven. Prints, for each file, the rule to its verdict, and the rules with other constraints.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
from pathlib import Path

os.environ["SPARK_VERSION"] = "3.5"


def constraints(call: ast.expr) -> tuple[str, list[tuple[str, list[ast.expr]]]]:
    """The title of a check, and the methods called on it, in order."""
    methods = []
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        methods.append((call.func.attr, call.args))
        call = call.func.value
    assert isinstance(call, ast.Call)
    return ast.literal_eval(call.args[2]), methods[::-1]


def checks(code: str) -> list[ast.expr]:
    compile(code, "exported", "exec")
    (function,) = [
        one
        for one in ast.parse(code).body
        if isinstance(one, ast.FunctionDef) and one.name == "checks"
    ]
    returned = function.body[-1]
    assert isinstance(returned, ast.Return)
    assert isinstance(returned.value, ast.List)
    return returned.value.elts


def value(node: ast.expr):
    if isinstance(node, ast.Lambda):
        return eval(compile(ast.Expression(node), "assertion", "eval"))
    return ast.literal_eval(node)


def bound(check, name: str, arguments: list) -> None:
    signature = inspect.signature(getattr(check, name))
    signature.bind(None, *arguments)
    if "assertion" in signature.parameters:
        given = signature.bind(None, *arguments).arguments["assertion"]
        assert given(0.5) in (True, False)


def shares(frame, conditions: list[str]) -> list[float | None]:
    """The share of the rows for which each condition is true, in one pass."""
    asked = [f"avg(CASE WHEN {one} THEN 1.0D ELSE 0.0D END)" for one in conditions]
    return list(frame.selectExpr(*asked).collect()[0])


def main(code: str, files: list[str]) -> dict:
    from pydeequ.checks import Check
    from pyspark.sql import SparkSession

    groups: dict = {}
    others = []
    for one in checks(code):
        title, methods = constraints(one)
        rule = title.partition(":")[0]
        calls = [(name, [value(node) for node in nodes]) for name, nodes in methods]
        for name, arguments in calls:
            bound(Check, name, arguments)
        if {name for name, _ in calls} - {"satisfies", "where"}:
            others.append(rule)
            continue
        where = next((given[0] for name, given in calls if name == "where"), None)
        asserted = [(rule, *given) for name, given in calls if name == "satisfies"]
        groups.setdefault(where, []).extend(asserted)

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.codegen.wholeStage", "false")
        .getOrCreate()
    )
    verdicts: dict = {}
    for file in files:
        frame = spark.read.parquet(file)
        found = verdicts[file] = {}
        for where, asserted in groups.items():
            kept = frame.filter(where) if where else frame
            told = shares(kept, [condition for _, condition, _, _ in asserted])
            for (rule, _, _, holds), share in zip(asserted, told, strict=True):
                found[rule] = found.get(rule, True) and share is not None and holds(share)
    spark.stop()
    return {"verdicts": verdicts, "others": others}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]).read_text(), sys.argv[2:])))  # noqa: T201
