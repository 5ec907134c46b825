"""Imports a release's DAG files as Airflow would, and writes what came of it as JSON.

Run by path in Airflow's interpreter, with the request as JSON on stdin. Airflow is imported
once, before the request is read; each file is then imported in a fork of its own, so that one that
hangs, exits, crashes or eats the memory takes only itself down. It needs no database.
"""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import selectors
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Airflow's own limit raises inside the file and names the line; this much later we kill.
GRACE_SECONDS = 3
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
STARTS = {"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"}
# Asked by `platform`, which libraries call when they are imported.
HARMLESS = {"uname", "ldconfig"}
STARTS_COUNTED = 400
FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


@dataclass
class Job:
    """A file whose import is under way in a fork."""

    file: str
    pid: int
    pipe: int
    began: float
    text: bytes = b""
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """It has said all it will say."""
        return self.text.endswith(b"\n")


def main() -> None:
    """Import every file, at most one for each core at a time."""
    gc.disable()  # a tenth of the time Airflow's import takes
    import airflow
    import airflow.sdk
    from airflow.dag_processing import dagbag  # noqa: F401 -- once, before the forks

    gc.freeze()
    request: dict[str, Any] = json.load(sys.stdin)
    sys.path.insert(0, request["root"])
    sys.dont_write_bytecode = True
    waiting = list(request["files"])
    running: dict[int, Job] = {}
    answers: list[dict[str, Any]] = []
    with selectors.DefaultSelector() as selector:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                job = start(waiting.pop(0), request)
                running[job.pipe] = job
                selector.register(job.pipe, selectors.EVENT_READ)
            for job in progress(selector, running, request["seconds"]):
                selector.unregister(job.pipe)
                del running[job.pipe]
                answers.append(finish(job))
    answers.sort(key=lambda answer: answer["file"])
    result = {"airflow": airflow.__version__, "files": answers}
    Path(request["result"]).write_text(json.dumps(result, default=str), encoding="utf-8")


def start(file: str, request: dict[str, Any]) -> Job:
    """Fork a process that imports `file`."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        os.setpgid(0, 0)
        me, code = os.getpid(), 0
        try:
            gc.enable()
            # What a file prints while it is imported is of no interest, however much it is.
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            answer = import_one(file, request)
            # The file may have forked: only the process that was asked may answer.
            if os.getpid() == me:
                os.write(theirs, json.dumps(answer, default=str).replace("\n", " ").encode())
                os.write(theirs, b"\n")
        except BaseException:  # noqa: BLE001 -- whatever it is, this process ends here
            code = 99
        finally:
            os._exit(code)
    os.close(theirs)
    with suppress(OSError):
        os.setpgid(pid, pid)
    return Job(file, pid, ours, time.monotonic())


def progress(
    selector: selectors.BaseSelector, running: dict[int, Job], seconds: float
) -> list[Job]:
    """Read what has come; return the jobs that are over, on time or not."""
    over: list[Job] = []
    for key, _ in selector.select(timeout=0.2):
        job = running[key.fd]
        part = os.read(key.fd, 1 << 20)
        job.text += part
        if not part or job.is_done:
            over.append(job)
    now = time.monotonic()
    for job in running.values():
        if job not in over and now - job.began > seconds + GRACE_SECONDS:
            job.answer = {"outcome": "timeout"}
            over.append(job)
    return over


def finish(job: Job) -> dict[str, Any]:
    """Its answer; whatever it started is killed."""
    ended_itself = not job.answer and not job.is_done
    status = os.waitpid(job.pid, 0)[1] if ended_itself else None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(job.pid, signal.SIGKILL)
    if status is None:
        os.waitpid(job.pid, 0)
    os.close(job.pipe)
    answer = job.answer
    if job.is_done:
        answer = json.loads(job.text)
    elif status is not None:
        answer = {"outcome": "died", "status": os.waitstatus_to_exitcode(status)}
    return {"seconds": time.monotonic() - job.began, **answer, "file": job.file}


def import_one(file: str, request: dict[str, Any]) -> dict[str, Any]:
    """Import one file in this process and describe the DAGs in it."""
    from airflow.dag_processing.dagbag import DagBag

    limit_memory(request["memory_bytes"])
    root = Path(request["root"])
    watch = Watch(root, scratch=Path(request["scratch"]), protected=Path(request["protected"]))
    bag = DagBag(root / "dags", collect_dags=False, load_op_links=False, bundle_path=root)
    began = time.monotonic()
    with watch:
        bag.process_file(str(root / file), safe_mode=False)
    seconds = time.monotonic() - began
    answer: dict[str, Any] = {"seconds": seconds, "effects": watch.effects}
    if bag.import_errors:
        trace = "\n".join(bag.import_errors.values())
        return answer | {"outcome": "error", **explain(trace, root)}
    return answer | {"outcome": "ok", "dags": [describe(dag) for dag in bag.dags.values()]}


def limit_memory(more: int) -> None:
    """Let this process take `more` bytes beyond what it has."""
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def explain(trace: str, root: Path) -> dict[str, Any]:
    """What went wrong and where: the innermost line that is the release's own."""
    place: dict[str, Any] = {}
    for frame in FRAME.finditer(trace):
        if Path(frame["file"]).is_relative_to(root):
            own = str(Path(frame["file"]).relative_to(root))
            place = {"at": own, "line": int(frame["line"])}
    trace = trace.replace(f"{root}/", "")
    lines = [line for line in trace.strip().splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if re.match(r"[\w.]+(:|$)", line)), lines[-1])
    start = lines.index(last)
    return {"error": "\n".join(lines[start:])[:2000], "trace": "\n".join(lines[-12:]), **place}


class Watch:
    """Notes what a DAG file does to the world while it is imported."""

    def __init__(self, root: Path, *, scratch: Path, protected: Path) -> None:
        self.effects: list[dict[str, Any]] = []
        self.root = str(root)
        self.scratch = str(scratch)
        self.protected = str(protected)
        self.is_on = False
        sys.addaudithook(self.hear)

    def __enter__(self) -> None:
        self.is_on = True

    def __exit__(self, *_: object) -> None:
        self.is_on = False

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        """Python's audit hook: an exception from here stops what was about to happen."""
        if not self.is_on:
            return
        if event == "open":
            if details[2] is not None and details[2] & WRITES:
                self.changes(details[0])
        elif event in CHANGES:
            self.changes(details[0])
        elif event == "socket.connect":
            self.note("network", str(details[1]))
        elif event in STARTS:
            if Path(os.fsdecode(details[0] or "")).name not in HARMLESS:
                self.note("process", os.fsdecode(details[0] or ""))
        elif event in {"os.fork", "os.forkpty"}:
            self.note("fork", "")

    def changes(self, path: object) -> None:
        """A file is about to be written, moved or deleted."""
        if not isinstance(path, (str, bytes)):
            return
        name = os.path.realpath(os.fsdecode(path))
        if name.startswith((self.scratch, "/dev/", "/proc/")):
            return
        self.note("write", name)
        if name.startswith(self.protected):
            raise PermissionError(f"a DAG file may not write to {name} while it is imported")

    def note(self, kind: str, what: str) -> None:
        """Keep one line about it, with the release's line that did it."""
        frame = sys._getframe(2)  # noqa: SLF001 -- there is no other way to the caller
        place: dict[str, Any] = {}
        while frame is not None and not place:
            name = frame.f_code.co_filename
            if name.startswith(self.root):
                place = {"at": name[len(self.root) + 1 :], "line": frame.f_lineno}
            frame = frame.f_back  # type: ignore[assignment]  # None at the outermost
        effect = {"kind": kind, "what": what, **place}
        if effect not in self.effects and len(self.effects) < 50:
            self.effects.append(effect)


def describe(dag: Any) -> dict[str, Any]:  # noqa: ANN401 -- Airflow's type
    """What the checks want to know of a DAG."""
    return {
        "dag_id": dag.dag_id,
        "default_args": sorted(dag.default_args),
        "tasks": [describe_task(task, dag) for task in dag.tasks],
        "shape": shape(dag),
    }


def shape(dag: Any) -> dict[str, Any]:  # noqa: ANN401 -- Airflow's type
    """What two releases of a DAG are compared by: when it runs, its tasks, their order."""
    return {
        "facts": {
            "schedule": schedule_of(dag),
            "start_date": text_of(dag.start_date),
            "end_date": text_of(dag.end_date),
            "catchup": bool(dag.catchup),
            "max_active_runs": dag.max_active_runs,
            "paused_upon_creation": dag.is_paused_upon_creation,
            "params": sorted(dag.params),
        },
        "tasks": {task.task_id: shape_of_task(task) for task in dag.tasks},
        "edges": sorted([task.task_id, below] for task in dag.tasks for below in downstream(task)),
        "starts": starts_of(dag) if dag.catchup else [],
    }


def downstream(task: Any) -> list[str]:  # noqa: ANN401 -- Airflow's type
    """The ids of the tasks right after a task."""
    return sorted(task.downstream_task_ids)


def shape_of_task(task: Any) -> dict[str, Any]:  # noqa: ANN401 -- Airflow's type
    """What of a task changes how it runs, besides its own code."""
    given = {**vars(task), **getattr(task, "partial_kwargs", {})}
    return {
        "operator": task.task_type,
        "mapped": bool(getattr(task, "is_mapped", False)),
        "retries": task.retries,
        "retry_delay": text_of(given.get("retry_delay")),
        "execution_timeout": text_of(given.get("execution_timeout")),
        "trigger_rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
        "pool": given.get("pool"),
        "queue": given.get("queue"),
        "outlets": sorted(str(getattr(out, "name", out)) for out in given.get("outlets") or ()),
    }


def schedule_of(dag: Any) -> str | None:  # noqa: ANN401 -- Airflow's type
    """A DAG's schedule as a person would write it."""
    schedule = dag.schedule
    if schedule is None or isinstance(schedule, str):
        return schedule
    if isinstance(schedule, (list, tuple)):
        return "assets " + ", ".join(str(getattr(one, "name", one)) for one in schedule)
    if hasattr(schedule, "expression"):
        return str(schedule.expression)
    if hasattr(schedule, "objects"):
        named = [str(getattr(one, "name", one)) for one in schedule.objects]
        return f"{type(schedule).__name__} of {', '.join(named)}"
    return text_of(schedule)


def text_of(value: Any) -> str | None:  # noqa: ANN401 -- any of Airflow's
    """A date, a duration or anything else as text that compares."""
    if value is None:
        return None
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def starts_of(dag: Any) -> list[str]:  # noqa: ANN401 -- Airflow's type
    """When its runs are due from its start date on, the first of them."""
    found: list[str] = []
    # A DAG that cannot be counted can still be compared.
    with suppress(Exception):
        from airflow.serialization.serialized_objects import DagSerialization
        from airflow.timetables.base import TimeRestriction

        known = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        begin = TimeRestriction(known.start_date, known.end_date, catchup=True)
        last = None
        while known.start_date and len(found) < STARTS_COUNTED:
            due = known.timetable.next_dagrun_info(
                last_automated_data_interval=last, restriction=begin
            )
            if due is None:
                break
            found.append(due.run_after.isoformat())
            last = due.data_interval
    return found


def describe_task(task: Any, dag: Any) -> dict[str, Any]:  # noqa: ANN401 -- Airflow's types
    """What the checks want to know of a task, mapped ones included."""
    given = {**vars(task), **getattr(task, "partial_kwargs", {})}
    texts: dict[str, str] = {}
    for name in getattr(task, "template_fields", ()):
        value = given.get(name, getattr(task, name, None))
        for number, text in enumerate(strings(value)):
            if "{{" in text or "{%" in text:
                texts[f"{name}[{number}]" if number else name] = text
    environment = dag.get_template_env() if texts else None
    return {
        "task_id": task.task_id,
        "owner": task.owner,
        "retries": task.retries,
        "connections": {
            name: value
            for name, value in given.items()
            if (name == "conn_id" or name.endswith("_conn_id")) and isinstance(value, str)
        },
        "templates": [
            {"field": name, "text": text, "problem": template_problem(environment, text)}
            for name, text in texts.items()
        ],
    }


def strings(value: object) -> list[str]:
    """Every string in a value, however deep it lies."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, (list, tuple, set)):
        return [text for item in value for text in strings(item)]
    return []


def template_problem(environment: Any, text: str) -> str | None:  # noqa: ANN401 -- Jinja's type
    """Why Jinja cannot read a template, or None."""
    from jinja2 import TemplateSyntaxError

    try:
        environment.parse(text)
    except TemplateSyntaxError as error:
        return str(error)
    return None


if __name__ == "__main__":
    main()
