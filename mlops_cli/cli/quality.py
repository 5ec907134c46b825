"""`mlops quality check`, `suggest`, `explain`: rulesets without a project around them."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import Annotated, Literal

import typer

from mlops_cli import presentation

from .commands import command

_CHECK = """
Examples: `mlops quality check raw.dqdl customers.csv` ·
`mlops quality check raw.dqdl january.parquet february.parquet --junit quality.xml` ·
`mlops quality check raw.dqdl customers.csv --dataset countries=countries.csv` ·
`mlops quality check raw.dqdl customers.csv --history --html quality.html --rows failed.parquet`

Exit codes: 0 every rule passed · 1 a rule failed · 3 none failed, but a rule could not be
evaluated, or the ruleset or a file could not be read.
"""
_SUGGEST = """
Examples: `mlops quality suggest customers.csv > raw.dqdl` ·
`mlops quality suggest customers.csv --target left --output quality/raw.dqdl`
"""
_LINT = """
Examples: `mlops quality lint raw.dqdl` ·
`mlops quality lint quality/raw.dqdl --target airflow --target catalog`

Exit codes: 0 nobody who was named with `--target` refuses it · 1 somebody does, or with `--strict`
takes it differently · 3 the ruleset could not be read.
"""
_EXPORT = """
Examples: `mlops quality export raw.dqdl --to glue > raw.glue.dqdl` ·
`mlops quality export raw.dqdl --to great-expectations --output raw.json` ·
`mlops quality export raw.dqdl --to soda --table warehouse/public/customers`

Exit codes: 0 written, and what differs or is lost is named · 1 nothing could be expressed, or with
`--strict` a rule is lost · 3 the ruleset could not be read.
"""
_DIFF = """
Examples: `mlops quality diff raw.dqdl proposed.dqdl` ·
`mlops quality diff raw.dqdl proposed.dqdl --data january.csv --data february.csv`

Exit codes: 0 no verdict is worse · 1 a rule that passed does not any more, a new rule does not
pass, or one that did not pass is gone · 3 a ruleset or a file could not be read.
"""
_EXPLAIN = """
Examples: `mlops quality explain` · `mlops quality explain ColumnValues` ·
`mlops quality explain 'Completeness "age" > 0.9 where "country = 1"'`
"""


def _tab(value: str | None) -> str | None:
    # Hardly anybody can type a tab into a shell.
    return "\t" if value == r"\t" else value


DataArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA", help="CSV, Parquet or JSON lines files, or their URIs.", show_default=False
    ),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="Of CSV files; by default a comma.",
        callback=_tab,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    quality = typer.Typer(
        name="quality", no_args_is_help=True, help="Write, check and explain DQDL rulesets."
    )
    command(quality, epilog=_CHECK)(check)
    command(quality, epilog=_SUGGEST)(suggest)
    command(quality, epilog=_LINT)(lint)
    command(quality, epilog=_EXPORT)(export)
    command(quality, epilog=_DIFF)(diff)
    command(quality, epilog=_EXPLAIN)(explain)
    app.add_typer(quality, rich_help_panel="Prove")


def check(
    *,
    ruleset: Annotated[
        Path, typer.Argument(metavar="RULESET", help="A file of DQDL.", show_default=False)
    ],
    data: DataArgument,
    dataset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Another data set that rules compare with."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write the outcomes as JUnit XML for CI.", dir_okay=False)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page that shows rules, history and values.", dir_okay=False),
    ] = None,
    delimiter: DelimiterOption = None,
    profile: Annotated[
        Literal["aws", "deequ"],
        typer.Option(help="Whose semantics hold where AWS's documents and Deequ differ."),
    ] = "aws",
    history: Annotated[
        bool,
        typer.Option("--history", help="Compare with earlier results, and keep this one."),
    ] = False,
    history_name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Keep results under this name, for files that are one data set on different days.",
        ),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(help="Write the rows that fail, as Parquet or CSV.", dir_okay=False),
    ] = None,
    redact: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Write `***` for this column's values in `--rows`."),
    ] = None,
    most_rows: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Write no more rows than these.")
    ] = None,
    composite: Annotated[
        Literal["column", "row"],
        typer.Option(help="Join the verdicts of composite rules, or evaluate them for each row."),
    ] = "column",
) -> object:
    """Run a ruleset on data files and show every rule's outcome."""
    from mlops_cli.checks import quality

    return quality.check(
        ruleset,
        data,
        datasets=dataset or (),
        delimiter=delimiter,
        junit=junit,
        html=html,
        profile=profile,
        keep=quality.Keeping(history_name) if history or history_name else None,
        rows=quality.RowOptions.given(rows, redact or (), most_rows),
        composite=composite,
        progress=presentation.progress(),
    )


def suggest(
    *,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A CSV, Parquet or JSON lines file.", show_default=False
        ),
    ],
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that a model will predict.")
    ] = None,
    task: Annotated[
        Literal["classification", "regression"] | None,
        typer.Option(help="By default inferred from the target."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="A new file for the ruleset; by default it is printed.", dir_okay=False),
    ] = None,
    delimiter: DelimiterOption = None,
) -> object:
    """Propose a ruleset from a data file, with reasons."""
    from mlops_cli.checks import quality

    return quality.suggest(
        data,
        target=target,
        task=task,
        delimiter=delimiter,
        output=output,
        progress=presentation.progress(),
    )


def lint(
    *,
    ruleset: Annotated[
        Path, typer.Argument(metavar="RULESET", help="A file of DQDL.", show_default=False)
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="meaning|glue|airflow|catalog|deequ",
            help="Who has to take it as it is meant: people, Glue, Airflow's operator, Glue's "
            "catalog runs, Deequ. By default all are asked.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Every difference fails.")] = False,
) -> object:
    """Say where a ruleset would be taken differently."""
    from mlops_cli.checks import quality

    return quality.lint(ruleset, targets=target or (), strict=strict)


def export(
    *,
    ruleset: Annotated[
        Path, typer.Argument(metavar="RULESET", help="A file of DQDL.", show_default=False)
    ],
    to: Annotated[
        Literal["glue", "great-expectations", "soda", "pydeequ"],
        typer.Option(help="The tool it is for.", show_default=False),
    ],
    form: Annotated[
        Literal["json", "python", "checks", "dqdl"] | None,
        typer.Option(
            help="Great Expectations: `json`, or `python`. PyDeequ: `checks`, or `dqdl`. The first "
            "is the default.",
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE/SCHEMA/TABLE",
            help="What Soda calls the data; by default `mlops/main/data`.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The file to write; by default it is printed.", dir_okay=False),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A rule that is lost fails.")] = False,
) -> object:
    """Write a ruleset in another tool's language."""
    from mlops_cli.checks import quality

    return quality.export(
        ruleset,
        target=to,
        form=form,
        table=table,
        output=output,
        strict=strict,
        progress=presentation.progress(),
    )


def diff(
    *,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A file of DQDL.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="What it became.", show_default=False)],
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="DATA", help="A file to run both on; by default only texts differ."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Another data set that rules compare with."),
    ] = None,
    delimiter: DelimiterOption = None,
) -> object:
    """Show which rules and verdicts change between two rulesets."""
    from mlops_cli.checks import quality

    return quality.diff(
        old,
        new,
        data=data or (),
        datasets=dataset or (),
        delimiter=delimiter,
        progress=presentation.progress(),
    )


def explain(
    *,
    rule: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RULE",
            help="A rule type, or a rule in single quotes; without it all rule types are listed.",
            show_default=False,
        ),
    ] = None,
) -> object:
    """Say what a rule type or a rule checks."""
    from mlops_cli.checks import quality

    return quality.explain(rule or ())
