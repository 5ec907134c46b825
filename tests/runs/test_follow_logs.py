"""Logs are followed while they are written: every line once, whatever the network does."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame
from fakes.clocks import FakeClock
from fakes.serving import up

from mlops_cli.core.errors import UnavailableError, UnfinishedError
from mlops_cli.core.exits import Exit
from mlops_cli.core.progress import Silent
from mlops_cli.environments.port import LogPage, TaskInfo
from mlops_cli.runs.follow import LogLine, RunUpdate, follow_logs, log_tail
from mlops_cli.runs.logs import TaskLog, followed_logs
from mlops_cli.runs.reading import TryLog, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.environments.apis.rest import RestApi

ROOT = Path(__file__).parents[2]
NAME = "churn_training"
ROUNDS = 25
END = "-----END PRIVATE KEY-----"


def talking(conf: object, *, end: str = "success") -> list[Frame]:
    """Two tasks that say three lines each time somebody looks; the second has two tries."""
    frames = [Frame("queued", {"load": None, "fit": None})]
    load: list[Any] = []
    first: list[Any] = []
    second: list[Any] = []
    for number in range(ROUNDS):
        load = load + [f"load {number}.{part}" for part in range(3)]
        frames.append(Frame("running", {"load": "running", "fit": None}, {"load": list(load)}))
    for number in range(ROUNDS):
        first = first + [f"fit one {number}.{part}" for part in range(3)]
        said = {"load": list(load), "fit": list(first)}
        frames.append(Frame("running", {"load": "success", "fit": "running"}, said))
    first = [*first, "the first try's last words"]
    for number in range(ROUNDS):
        second = [*second, f"fit two {number}"]
        said = {"load": list(load), "fit": list(first), "fit#2": list(second)}
        frames.append(Frame("running", {"load": "success", "fit": "running#2"}, said))
    second = [*second, "the end"]
    said = {"load": load, "fit": first, "fit#2": second}
    frames.append(Frame(end, {"load": "success", "fit": f"{end}#2"}, said))
    return frames


EXPECTED = [
    *(f"load {number}.{part}" for number in range(ROUNDS) for part in range(3)),
    *(f"fit one {number}.{part}" for number in range(ROUNDS) for part in range(3)),
    "the first try's last words",
    *(f"fit two {number}" for number in range(ROUNDS)),
    "the end",
]


@pytest.fixture
def fake(served: FakeAirflow) -> FakeAirflow:
    served.add(Dag(NAME, plan=talking))
    return served


def heard(api: RestApi, clock: FakeClock, task: str | None = None) -> list[LogLine]:
    seen = follow_logs(api, NAME, "r1", task=task, timeout_seconds=None, clock=clock)
    return [item for item in seen if isinstance(item, LogLine)]


def test_every_line_of_every_try_comes_once(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock
) -> None:
    asking.trigger(NAME, "r1", {})
    lines = heard(asking, ticking)
    assert [line.text for line in lines] == EXPECTED
    assert {(line.task, line.try_number) for line in lines} == {("load", 1), ("fit", 1), ("fit", 2)}


@pytest.mark.parametrize("seed", range(3))
def test_disconnects_errors_throttling_and_restarts_lose_and_double_nothing(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock, seed: int
) -> None:
    chance = random.Random(seed)
    asking.trigger(NAME, "r1", {})
    lines: list[str] = []
    count = 0
    for item in follow_logs(asking, NAME, "r1", task=None, timeout_seconds=None, clock=ticking):
        if isinstance(item, LogLine):
            lines.append(item.text)
            continue
        count += 1
        if count % 7 == 0:
            fake.fail(
                chance.choice([r"GET .*/logs/", r"GET .*/dagRuns/r1$", r"GET .*/taskInstances$"]),
                **chance.choice(
                    [
                        {"drop": True},
                        {"reset": True},
                        {"status": 429},
                        {"status": 502},
                        {"status": 503},
                    ]
                ),
                times=chance.randrange(1, 12),
            )
        if count % 17 == 0:
            fake.forget_tokens()  # also makes the places in the logs unknown
    assert lines == EXPECTED


def test_one_task_is_followed_to_its_own_end(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock
) -> None:
    asking.trigger(NAME, "r1", {})
    assert [line.text for line in heard(asking, ticking, "load")] == EXPECTED[: 3 * ROUNDS]
    assert fake.dags[NAME].runs["r1"].now.state == "running"


def test_a_task_that_waits_and_goes_on_is_not_taken_for_one_that_is_over(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock
) -> None:
    fake.dags[NAME].plan = lambda _: [
        Frame("running", {"load": "running"}, {"load": ["one"]}),
        Frame("running", {"load": "up_for_reschedule"}, {"load": ["one", "two"]}),
        Frame("running", {"load": "running"}, {"load": ["one", "two", "three"]}),
        Frame("success", {"load": "success"}, {"load": ["one", "two", "three", "four"]}),
    ]
    asking.trigger(NAME, "r1", {})
    assert [line.text for line in heard(asking, ticking)] == ["one", "two", "three", "four"]


class Listening:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, line: LogLine) -> None:
        self.lines.append(line.text)

    def __call__(self, update: RunUpdate) -> None:
        """Only the lines count."""

    def close(self) -> None:
        """Nothing is open."""


def followed(api: RestApi, clock: FakeClock, **options: Any) -> Any:
    chosen = {"task": None, "timeout_seconds": None, "listener": Listening()} | options
    return followed_logs(
        api, NAME, "r1", again="training --env local", progress=Silent(), clock=clock, **chosen
    )


@pytest.mark.parametrize(("end", "code"), [("success", Exit.DONE), ("failed", Exit.NO)])
def test_the_exit_code_of_followed_logs_is_the_runs(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock, end: str, code: Exit
) -> None:
    fake.dags[NAME].plan = lambda conf: talking(conf, end=end)
    asking.trigger(NAME, "r1", {})
    done = followed(asking, ticking)
    assert (done.state, done.exit_code, done.lines) == (end, code, len(EXPECTED))


def test_time_that_is_up_leaves_the_run_and_says_how_to_come_back(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock
) -> None:
    fake.dags[NAME].plan = lambda _: [Frame("running", {"load": "running"})]
    asking.trigger(NAME, "r1", {})
    with pytest.raises(UnfinishedError, match="within 20 s") as caught:
        followed(asking, ticking, timeout_seconds=20)
    assert caught.value.exit_code == Exit.UNFINISHED
    assert "mlops logs training --env local --run-id r1" in str(caught.value.hint)


def test_a_run_that_ended_while_its_logs_could_not_be_read_is_not_called_done(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock
) -> None:
    fake.dags[NAME].plan = lambda _: [Frame("success", {"load": "success"}, {"load": ["one"]})]
    asking.trigger(NAME, "r1", {})
    fake.fail(r"GET .*/logs/", status=500, times=10_000)
    with pytest.raises(UnfinishedError, match="to their end") as caught:
        followed(asking, ticking)
    assert caught.value.state == "The run has ended: success"


# --- logs that are larger than memory --------------------------------------------------------

LINE = b'{"timestamp": "2026-03-01T12:00:00Z", "level": "info", "event": "%s"}\n' % (b"x" * 940)


class Endless(BaseHTTPRequestHandler):
    """An Airflow whose one task said so many lines; it hangs up after so many of them."""

    lines = 0
    hang_up = 10**12
    asked = 0

    def do_POST(self) -> None:
        self._whole(201, b'{"access_token": "t"}')

    def do_GET(self) -> None:
        cls = type(self)
        if "/logs/" not in self.path:
            self._whole(404, b"{}")
            return
        cls.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(LINE) * cls.lines))
        self.end_headers()
        block, left = LINE * 1000, cls.lines
        while left > 0:
            if cls.lines - left >= cls.hang_up:
                cls.hang_up += cls.hang_up
                self.close_connection = True
                return
            try:
                self.wfile.write(block[: len(LINE) * min(left, 1000)])
            except OSError:
                return
            left -= 1000

    def _whole(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def endless() -> Iterator[tuple[type[Endless], str]]:
    kind = type("Handler", (Endless,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    with up(server):
        yield kind, f"http://127.0.0.1:{server.server_address[1]}"


_READER = """
import sys
from pathlib import Path
from mlops_cli.core.clock import SystemClock
from mlops_cli.core.redact import Secret
from mlops_cli.environments.apis.rest import connect
from mlops_cli.environments.port import TaskInfo
from mlops_cli.presentation import output
from mlops_cli.runs.logs import TaskLog
api = connect(sys.argv[1], username="a", password=Secret("secret"), clock=SystemClock())
task = TaskInfo("fit", -1, "success", 1, None, None)
output.configure(quiet=True)
code = output.show(TaskLog("d", "r", "success", api, (task,)))
# What `getrusage` says has the parent's peak in it, from before this program began.
peak = next(n for n in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in n)
sys.stderr.write(f"{int(peak.split()[1]) // 1024}\\n")
sys.exit(code)
"""


def reader(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _READER, url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip


def test_a_log_larger_than_what_is_read_at_once_takes_little_memory(
    endless: tuple[type[Endless], str],
) -> None:
    # LOG_GIB=1 makes it a gigabyte; by default more than is ever read into memory at once.
    kind, url = endless
    kind.lines = int(float(os.environ.get("LOG_GIB", "0.1")) * 2**30 / len(LINE))
    child = reader(url)
    assert child.stdout is not None
    count = sum(1 for _ in child.stdout)
    _, said = child.communicate(timeout=600)
    assert (child.returncode, count) == (0, kind.lines + 1)
    assert int(said.split()[-1]) < 150


def test_a_stream_that_breaks_goes_on_where_it_was(
    endless: tuple[type[Endless], str], asking: RestApi
) -> None:
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.core.redact import Secret
    from mlops_cli.environments.apis.rest import connect

    kind, url = endless
    kind.lines, kind.hang_up = 10_000, 2_000
    api = connect(url, username="a", password=Secret("secret"), clock=SystemClock())
    task = TaskInfo("fit", -1, "success", 1, None, None)
    assert sum(1 for _ in read_all(api, "d", "r", task, clock=FakeClock())) == 10_000
    assert kind.asked == 4
    api.close()


def test_a_stream_that_never_gets_further_is_given_up(
    fake: FakeAirflow, asking: RestApi, ticking: FakeClock
) -> None:
    fake.dags[NAME].plan = lambda _: [Frame("success", {"load": "success"}, {"load": ["one"]})]
    asking.trigger(NAME, "r1", {})
    fake.fail(r"GET .*/logs/", reset=True, times=10_000)
    (task,) = asking.tasks(NAME, "r1")
    with pytest.raises(UnavailableError):
        list(TaskLog(NAME, "r1", "success", asking, (task,), ticking).lines(task))


def test_a_reader_who_leaves_ends_it_without_a_word(endless: tuple[type[Endless], str]) -> None:
    kind, url = endless
    kind.lines = 200_000
    child = reader(url)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr is not None
    said = child.stderr.read().decode()
    assert child.wait(timeout=30) == 0
    assert "Traceback" not in said
    assert "error" not in said.lower()


class Talkative:
    """A task that writes faster than anybody reads: there is a line more whenever it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def log_lines(self, *_: object) -> None:
        """Nothing is streamed."""

    def log(self, *_: object, token: str | None) -> LogPage:
        self.asked += 1
        return LogPage((f"line {int(token or 0)}",), str(int(token or 0) + 1))


def test_a_task_that_never_falls_silent_does_not_keep_the_others_waiting() -> None:
    api: Any = Talkative()
    running = TaskInfo("fit", -1, "running", 1, None, None)
    log = TryLog(api, NAME, "r1", running)
    assert list(log.read(running, pages=3)) == ["line 0", "line 1", "line 2"]
    assert list(log.read(running, pages=3)) == ["line 3", "line 4", "line 5"]
    assert api.asked == 6


def test_no_line_of_a_private_key_is_given(asking: RestApi, served: FakeAirflow) -> None:
    key = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBg", "kqhkiG9w0BAQEF", END]
    said = ["before", *key, "after", f"x {key[0]} MIIE {END} y", "the end"]
    served.add(Dag(NAME, plan=lambda _: [Frame("success", {"fit": "success"}, {"fit": said})]))
    asking.trigger(NAME, "r1", {})
    asking.run(NAME, "r1")
    [task] = asking.tasks(NAME, "r1")
    expected = ["before", "***", "***", "***", "***", "after", said[6], "the end"]
    assert list(read_all(asking, NAME, "r1", task, clock=FakeClock())) == expected
    # A tail that begins in the middle of one is no different.
    assert log_tail(asking, NAME, "r1", task, lines=5) == tuple(expected[3:])
