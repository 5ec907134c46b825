"""FileFreshness, FileSize, FileMatch and FileUniqueness, on local files."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, TypeVar

from ..language import model
from ..language.printer import write_condition, write_operand
from .files import FoundFile, algorithm, as_checksum, checksum, found_files, tag
from .measurement import Measure, Verdict, judge, shown
from .values import COMPARE, CannotEvaluateError, meets

if TYPE_CHECKING:
    from collections.abc import Callable

    from .measurement import Context, Single

_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}
_COUNT = "Dataset.*.FileCount"
Compared = TypeVar("Compared", float, datetime)


def file_freshness(rule: Single, context: Context, _where: str | None) -> Measure:
    """Compare when files were last modified.

    Raises:
        CannotEvaluateError: The time zone is unknown.
    """
    condition, single = _parts(rule)
    zone = _zone(tag(single, "timeZone"))
    now = context.now.replace(tzinfo=UTC).astimezone(zone)
    by_day = all(isinstance(one, model.Date) for one in condition.operands)

    def fits(file: FoundFile) -> bool:
        modified = datetime.fromtimestamp(file.modified, zone)
        if by_day:
            # A day on its own means the day, not its first moment.
            modified = datetime.combine(modified.date(), time(), zone)
        return _fits(modified, condition, lambda one: _moment(one, now))

    return _all_files(single, context, condition, fits)


def file_size(rule: Single, context: Context, _where: str | None) -> Measure:
    """Compare the sizes of files.

    Raises:
        CannotEvaluateError: An operand is no size.
    """
    condition, single = _parts(rule)
    for operand in condition.operands:
        _bytes(operand)
    return _all_files(
        single, context, condition, lambda file: _fits(float(file.size), condition, _bytes)
    )


def file_match(rule: Single, context: Context, _where: str | None) -> Measure:
    """Compare files with checksums, or with other files.

    Raises:
        CannotEvaluateError: There is no such algorithm, or what should be a checksum is none.
    """
    single = _rule(rule)
    name = algorithm(single)
    if len(single.parameters) > 1:
        return _measure(lambda: _same_files(single, context, name))
    condition = single.condition
    if isinstance(condition, model.Comparison):
        negated, operands = condition.operator == "!=", condition.operands
    elif isinstance(condition, model.Membership):
        negated, operands = condition.negated, condition.operands
    else:
        raise CannotEvaluateError("FileMatch takes `=`, `!=`, `in` and `not in`")
    wanted = {as_checksum(_text(one), name) for one in operands}

    def finish() -> Verdict:
        files = found_files(single, context)
        odd = [one.name for one in files if (checksum(one, name) in wanted) == negated]
        what = "has one of these checksums" if negated else "has none of these checksums"
        return _listed(files, odd, what)

    return _measure(finish)


def file_uniqueness(rule: Single, context: Context, _where: str | None) -> Measure:
    """Measure the share of files whose content no other file has.

    Raises:
        CannotEvaluateError: There is no such algorithm.
    """
    single = _rule(rule)
    name = algorithm(single)
    by_name = tag(single, "matchFileName") == "true"

    def finish() -> Verdict:
        files = found_files(single, context)
        contents = Counter(hashes := [checksum(one, name) for one in files])
        names = Counter(one.path.name for one in files)
        unique = sum(
            contents[content] == 1 and (not by_name or names[one.path.name] == 1)
            for one, content in zip(files, hashes, strict=True)
        )
        key = "Dataset.*.FileUniquenessRatio"
        verdict = judge(single, f"FileUniqueness of {len(files)} files", key, unique / len(files))
        return _with_count(verdict, files)

    return _measure(finish)


def _measure(finish: Callable[[], Verdict]) -> Measure:
    return Measure({}, lambda _found: finish(), needs_rows=False)


def _rule(rule: Single) -> model.Rule:
    if isinstance(rule, model.Rule):
        return rule
    raise CannotEvaluateError(f"The analyzer {rule.type} has nothing to compare with")


def _parts(rule: Single) -> tuple[model.Condition, model.Rule]:
    single = _rule(rule)
    if single.condition is None:
        raise CannotEvaluateError(f"{rule.type} has nothing to compare with")
    return single.condition, single


def _all_files(
    rule: model.Rule,
    context: Context,
    condition: model.Condition,
    fits: Callable[[FoundFile], bool],
) -> Measure:
    """Every file must meet the condition, or the share of them that the threshold says."""

    def finish() -> Verdict:
        files = found_files(rule, context)
        odd = [one.name for one in files if not fits(one)]
        share = 1 - len(odd) / len(files)
        metrics = {f"Dataset.*.{rule.type}.Compliance": share}
        if rule.threshold is None:
            verdict = _listed(
                files, odd, f"does not meet `{rule.type} {write_condition(condition)}`"
            )
            return Verdict(verdict.passed, verdict.message, {**metrics, **verdict.metrics})
        passed = meets(share, rule.threshold)
        message = f"The share of files is {shown(share)}, and should be "
        message += write_condition(rule.threshold)
        return _with_count(Verdict(passed, "" if passed else message, metrics), files)

    return _measure(finish)


def _listed(files: list[FoundFile], odd: list[str], what: str) -> Verdict:
    message = f"{len(odd)} of {len(files)} files: `{odd[0]}` {what}" if odd else ""
    return _with_count(Verdict(not odd, message), files)


def _with_count(verdict: Verdict, files: list[FoundFile]) -> Verdict:
    return Verdict(verdict.passed, verdict.message, {**verdict.metrics, _COUNT: float(len(files))})


def _same_files(rule: model.Rule, context: Context, name: str) -> Verdict:
    """Compare two files, or all files of two folders by their names in them."""
    ours, theirs = (found_files(rule, context, position) for position in (0, 1))
    if _is_file(ours, rule, 0) and _is_file(theirs, rule, 1):
        pairs = [(ours[0], theirs[0])]
    else:
        by_name = {one.name: one for one in theirs}
        missing = [one.name for one in ours if one.name not in by_name]
        extra = sorted(by_name.keys() - {one.name for one in ours})
        if missing or extra:
            lacking = rule.parameters[1 if missing else 0].value
            return _listed(ours, missing or extra, f"is not in `{lacking}`")
        pairs = [(one, by_name[one.name]) for one in ours]
    odd = [
        one.name
        for one, other in pairs
        if one.size != other.size or checksum(one, name) != checksum(other, name)
    ]
    return _listed(ours, odd, f"is not the same in `{rule.parameters[1].value}`")


def _is_file(files: list[FoundFile], rule: model.Rule, position: int) -> bool:
    from .files import _local

    return len(files) == 1 and files[0].path == _local(rule.parameters[position].value)


def _fits(
    value: Compared, condition: model.Condition, worth: Callable[[model.Operand], Compared]
) -> bool:
    """Tell whether a value meets a condition; the ends of `between` are excluded."""
    if isinstance(condition, model.Between):
        low, high = worth(condition.low), worth(condition.high)
        if low >= high:
            raise CannotEvaluateError(
                f"In `{write_condition(condition)}` the first end is not below the second"
            )
        return (low < value < high) != condition.negated
    if isinstance(condition, model.Membership):
        return (value in [worth(item) for item in condition.items]) != condition.negated
    if isinstance(condition, model.Comparison):
        return COMPARE[condition.operator](value, worth(condition.operand))  # type: ignore[arg-type]  # two of one kind
    raise CannotEvaluateError(f"`{write_condition(condition)}` does not compare")


def _bytes(operand: model.Operand) -> float:
    if not isinstance(operand, model.Size):
        raise CannotEvaluateError(f"`{write_operand(operand)}` is no size, such as `5 MB`")
    return float(int(operand.amount) * 1024 ** _UNITS[operand.unit])


def _text(operand: model.Operand) -> str:
    if not isinstance(operand, model.Text):
        raise CannotEvaluateError(f"`{write_operand(operand)}` is no checksum in double quotes")
    return operand.value


def _zone(name: str | None) -> tzinfo:
    from zoneinfo import ZoneInfo

    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise CannotEvaluateError(
            f"There is no time zone `{name}`, as in `Europe/Berlin`"
        ) from error


def _moment(operand: model.Operand, now: datetime) -> datetime:
    """Work out a moment in the time zone of `now`: midnight for a day, today for a time."""
    if isinstance(operand, model.Date):
        return datetime.combine(datetime.fromisoformat(operand.text).date(), time(), now.tzinfo)
    if isinstance(operand, model.Time):
        from .values import _time

        return datetime.combine(now.date(), _time(operand.text), now.tzinfo)
    if isinstance(operand, model.Now):
        # In UTC, where every hour has sixty minutes.
        minute = now.astimezone(UTC).replace(second=0, microsecond=0)
        if not operand.sign:
            return minute
        try:
            offset = timedelta(**{operand.unit: int(operand.amount)})
            return minute + offset if operand.sign == "+" else minute - offset
        except OverflowError as error:
            raise CannotEvaluateError(f"`{write_operand(operand)}` is no date") from error
    raise CannotEvaluateError(f"`{write_operand(operand)}` is not a date")
