"""Writes a ruleset as DQDL text; parsing the text again gives the same ruleset."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from . import model

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Listed = TypeVar("Listed", bound="model.AnyRule | model.Analyzer")


def write(ruleset: model.Ruleset) -> str:
    """Write a whole document."""
    parts: list[str] = []
    if ruleset.metadata:
        pairs = ",\n    ".join(f'"{key}": "{value}"' for key, value in ruleset.metadata)
        parts.append(f"Metadata = {{\n    {pairs}\n}}")
    if ruleset.sources is not None:
        parts.append(_write_sources(ruleset.sources))
    if ruleset.constants:
        parts.append("\n".join(_write_constant(constant) for constant in ruleset.constants))
    if ruleset.default_labels:
        parts.append(f"DefaultLabels = {_write_labels(ruleset.default_labels)}")
    if ruleset.rules:
        parts.append(_write_list("Rules", [write_rule(rule) for rule in ruleset.rules]))
    if ruleset.analyzers:
        texts = [_head(analyzer.type, analyzer.parameters) for analyzer in ruleset.analyzers]
        parts.append(_write_list("Analyzers", texts))
    return "\n\n".join(parts) + "\n"


def write_rule(rule: model.AnyRule | model.Analyzer) -> str:
    """Write one rule or analyzer on one line."""
    if isinstance(rule, model.Analyzer):
        return _head(rule.type, rule.parameters)
    if isinstance(rule, model.Composite):
        text = f" {rule.operator} ".join(f"({write_rule(nested)})" for nested in rule.rules)
        # Labels of a composite need its own parentheses, or they would be the last rule's.
        return f"({text}) labels={_write_labels(rule.labels)}" if rule.labels else text
    parts = [_head(rule.type, rule.parameters)]
    if rule.condition is not None:
        parts.append(write_condition(rule.condition))
    if rule.where is not None:
        parts.append(f'where "{rule.where.raw}"')
    if rule.labels:
        parts.append(f"labels={_write_labels(rule.labels)}")
    if rule.threshold is not None:
        parts.append(f"with threshold {write_condition(rule.threshold)}")
    parts.extend(f"with {tag.name} = {write_operand(tag.value)}" for tag in rule.tags)
    return " ".join(parts)


def by_text(rules: Iterable[Listed]) -> dict[str, list[Listed]]:
    """Gather the rules that are the same when they are written."""
    found: dict[str, list[Listed]] = {}
    for rule in rules:
        found.setdefault(write_rule(rule), []).append(rule)
    return found


def write_condition(condition: model.Condition) -> str:
    """Write a condition."""
    word = "not " if not isinstance(condition, model.Comparison) and condition.negated else ""
    if isinstance(condition, model.Comparison):
        return f"{condition.operator} {write_operand(condition.operand)}"
    if isinstance(condition, model.Between):
        low, high = write_operand(condition.low), write_operand(condition.high)
        return f"{word}between {low} and {high}"
    if isinstance(condition, model.Matches):
        return f"{word}matches {write_operand(condition.pattern)}"
    if condition.variable is not None:
        return f"{word}in ${condition.variable}"
    return f"{word}in [{','.join(write_operand(item) for item in condition.items)}]"


def write_operand(operand: model.Operand) -> str:
    """Write an operand."""
    match operand:
        case model.Number(text=text):
            return text
        case model.Negated(operand=inner):
            return f"-{write_operand(inner)}"
        case model.Arithmetic(left=left, operator=operator, right=right):
            return f"{write_operand(left)} {operator} {write_operand(right)}"
        case model.Grouped(inner=inner):
            return f"({write_operand(inner)})"
        case model.Call(name=name, arguments=arguments):
            return f"{name}({','.join(write_operand(argument) for argument in arguments)})"
        case model.Keyword(name=name):
            return name
        case model.Text(raw=raw) | model.Date(text=raw) | model.Time(text=raw):
            return f'"{raw}"'
        case model.Now(sign="", amount="", unit=""):
            return "now()"
        case model.Now(sign=sign, amount=amount, unit=unit):
            return f"(now() {sign} {amount} {unit})"
        case model.Duration(amount=amount, unit=unit) | model.Size(amount=amount, unit=unit):
            return f"{amount} {unit}"


def quote(text: str) -> str:
    """Write a string as DQDL, escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _head(name: str, parameters: Sequence[model.Parameter]) -> str:
    return " ".join([name, *(_write_parameter(parameter) for parameter in parameters)])


def _write_parameter(parameter: model.Parameter) -> str:
    text = f'"{parameter.raw}"' if parameter.quoted else parameter.raw
    if parameter.variable is not None:
        text = f"${parameter.variable}"
    return f"{parameter.connector} {text}" if parameter.connector else text


def _write_labels(labels: model.Labels) -> str:
    return "[" + ", ".join(f'"{key}"="{value}"' for key, value in labels) + "]"


def _write_list(name: str, texts: Sequence[str]) -> str:
    return f"{name} = [\n    " + ",\n    ".join(texts) + "\n]"


def _write_constant(constant: model.Constant) -> str:
    items = ", ".join(write_operand(item) for item in constant.items)
    return f"{constant.name} = [{items}]" if constant.is_list else f"{constant.name} = {items}"


def _write_sources(sources: model.DataSources) -> str:
    entries = [f'"Primary": "{sources.primary}"'] if sources.primary is not None else []
    if sources.additional:
        names = ", ".join(f'"{name}"' for name in sources.additional)
        entries.append(f'"AdditionalDataSources": [ {names} ]')
    return "DataSources = {\n    " + ",\n    ".join(entries) + "\n}"
