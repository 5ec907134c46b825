"""A bucket when things go wrong: the server and the network between do it for real."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from fakes import moto_server as moto
from fakes.fault_proxy import (
    Blackhole,
    Dated,
    Delay,
    Drop,
    FaultProxy,
    Reset,
    Status,
    Strip,
    Truncate,
)

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import (
    ConflictError,
    NotAllowedError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.environments import aws as aws_module
from mlops_cli.environments.aws import Aws
from mlops_cli.environments.port import Upload
from mlops_cli.environments.stores import s3 as s3_module
from mlops_cli.environments.stores.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORK = multiprocessing.get_context("fork")
XML = "application/xml"
POINTER = "*/dags/churn/churn.py"
LOCK = "*/mlops/churn/staging/lock.json"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def xml(code: str, **more: str) -> bytes:
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return (
        f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>told</Message>{extra}</Error>'
    ).encode()


def answers(status: int, code: str, **more: Any) -> Status:
    return Status(status, xml(code), {"Content-Type": XML}, **more)


@pytest.fixture
def open_store(bucket: str) -> Callable[..., S3Store]:
    """Opens the bucket by way of the endpoint the shell names."""

    def opened(
        *, name: str = bucket, lease: float = 3.0, unsafe: bool = False, **aws: Any
    ) -> S3Store:
        clock = SystemClock()
        return S3Store(
            Aws(clock=clock, **{"patience_seconds": 12.0, **aws}),
            name,
            prefix="dags",
            project="churn",
            environment="staging",
            clock=clock,
            lease_seconds=lease,
            unsafe=unsafe,
        )

    return opened


def uploads(count: int) -> list[Upload]:
    made = []
    for number in range(count):
        data = f"x = {number}\n".encode()
        made.append(Upload(f"_releases/r1/{number:03}.py", data, sha(data)))
    return made


def in_bucket(s3_url: str, bucket: str) -> set[str]:
    found = moto.client(s3_url).list_objects_v2(Bucket=bucket).get("Contents", ())
    return {item["Key"] for item in found}


def test_an_endpoint_that_is_no_url_is_named(
    open_store: Callable[..., S3Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    with pytest.raises(ProjectError, match="localhost:4566") as caught:
        open_store().read("churn.py")
    assert "`AWS_ENDPOINT_URL`" in str(caught.value.hint)


# --- Where things lie ---------------------------------------------------------------------------


def test_lock_and_history_lie_outside_of_what_airflow_copies(
    open_store: Callable[..., S3Store], s3_url: str, bucket: str
) -> None:
    store = open_store()
    with store.lock("deploy"):
        store.put_all(uploads(1))
        store.swap("churn.py", b"pointer", expected=None)
        store.swap("_history/000001.json", b"{}", expected=None)
        held = in_bucket(s3_url, bucket)
    assert held == {
        "dags/churn/_releases/r1/000.py",
        "dags/churn/churn.py",
        "mlops/churn/staging/_history/000001.json",
        "mlops/churn/staging/lock.json",
    }
    assert "mlops/churn/staging/lock.json" not in in_bucket(s3_url, bucket)


def test_objects_of_others_survive(
    open_store: Callable[..., S3Store], s3_url: str, bucket: str
) -> None:
    theirs = [
        "dags/other/other.py",
        "dags/churn_two/a.py",
        "dags/churn/by_hand.py",
        "dags/churn/d/",
    ]
    for key in theirs:
        moto.client(s3_url).put_object(Bucket=bucket, Key=key, Body=b"")
    store = open_store()
    store.put_all(uploads(3))
    assert "by_hand.py" in store.list("")
    store.delete(store.list("_releases/"))
    assert in_bucket(s3_url, bucket) == set(theirs)


def test_more_files_than_fit_on_a_page_are_listed_and_deleted(
    open_store: Callable[..., S3Store],
) -> None:
    store = open_store()
    store.put_all(uploads(1100))
    assert len(store.list("_releases/r1/")) == 1100
    store.delete(store.list("_releases/r1/"))
    assert store.list("") == {}


def test_a_large_file_goes_in_parts(
    open_store: Callable[..., S3Store],
    s3_url: str,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_module, "_IN_ONE", 6 * 1024 * 1024)
    monkeypatch.setattr(s3_module, "_PART", 5 * 1024 * 1024)
    data = os.urandom(12 * 1024 * 1024)
    (tmp_path / "big").write_bytes(data)
    store = open_store()
    store.put("_releases/r1/big", tmp_path / "big", sha256=sha(data))
    found = store.read("_releases/r1/big")
    assert found is not None
    assert found.data == data
    with pytest.raises(UnfinishedError, match="changed while it was copied"):
        store.put("_releases/r1/other", tmp_path / "big", sha256=sha(b"what it was"))
    assert "_releases/r1/other" not in store.list("")
    assert not moto.client(s3_url).list_multipart_uploads(Bucket=bucket).get("Uploads")


# --- The lock -----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
def test_a_store_that_ignores_conditions_is_refused_before_the_first_change(
    open_store: Callable[..., S3Store], proxy: FaultProxy, s3_url: str, bucket: str, header: str
) -> None:
    proxy.rule("PUT", "*", Strip(header), times=None)
    with (
        pytest.raises(NotAllowedError, match=f"cannot lock safely, it ignores `{header}`"),
        open_store().lock("deploy"),
    ):
        pytest.fail("it was locked")
    assert in_bucket(s3_url, bucket) == set()
    with open_store(unsafe=True).lock("deploy") as lease:
        lease.check()


def test_the_age_of_a_lock_is_told_by_the_servers_clock(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    with open_store(lease=600).lock("deploy that takes long"):
        with (
            pytest.raises(ConflictError, match="deploy that takes long") as refused,
            open_store(lease=600).lock("another"),
        ):
            pass
        assert re.search(r"within (600|59\d) s", refused.value.hint or "")
        proxy.rule("GET", LOCK, Dated(timedelta(minutes=11)), times=1)
        with open_store(lease=600).lock("another") as lease:
            assert lease.taken_over is not None


def _stopped_in_the_middle(
    open_store: Callable[..., S3Store], etag: str, ready: Any, told: Any
) -> None:
    store = open_store()
    with store.lock("deploy on a laptop that sleeps") as lease:
        os.kill(os.getpid(), signal.SIGSTOP)
        outcome = []
        for attempt in (lease.check, lambda: store.swap("churn.py", b"late", expected=etag)):
            try:
                attempt()
                outcome.append("done")
            except ConflictError:
                outcome.append("conflict")
        told.put(outcome)


def test_who_was_stopped_for_longer_than_its_lease_changes_nothing_any_more(
    open_store: Callable[..., S3Store],
) -> None:
    etag = open_store().swap("churn.py", b"first", expected=None)
    told = FORK.Queue()
    sleeper = FORK.Process(target=_stopped_in_the_middle, args=(open_store, etag, None, told))
    sleeper.start()
    assert sleeper.pid
    os.waitpid(sleeper.pid, os.WUNTRACED)
    time.sleep(4.2)
    with open_store().lock("deploy") as lease:
        assert lease.taken_over is not None
        assert lease.taken_over.pid == sleeper.pid
        open_store().swap("churn.py", b"second", expected=etag)
        os.kill(sleeper.pid, signal.SIGCONT)
        assert told.get(timeout=20) == ["conflict", "conflict"]
        sleeper.join(20)
        # It also left our lock alone.
        lease.check()
    found = open_store().read("churn.py")
    assert found is not None
    assert found.data == b"second"


def test_a_lost_reply_to_the_lock_does_not_lock_us_out(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    proxy.rule("PUT", LOCK, Drop())
    with open_store().lock("deploy") as lease:
        assert lease.taken_over is None
        lease.check()


def test_a_lost_reply_to_a_renewal_does_not_lose_the_lock(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    with open_store(lease=1.5).lock("deploy") as lease:
        proxy.clear()
        proxy.rule("PUT", LOCK, Drop(), times=2)
        time.sleep(2)
        lease.check()
    assert len(proxy.requests("PUT", LOCK)) >= 3


# --- Answers that do not come, or come late -----------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        answers(503, "SlowDown"),
        answers(500, "InternalError"),
        answers(429, "TooManyRequests"),
        answers(409, "ConditionalRequestConflict"),
        Status(502, b"<html>Bad Gateway</html>"),
        Reset(),
        Drop(),
    ],
    ids=["SlowDown", "500", "429", "409", "502", "reset", "dropped"],
)
def test_what_may_pass_is_tried_again(
    open_store: Callable[..., S3Store], proxy: FaultProxy, fault: Any
) -> None:
    proxy.rule("*", "*", fault, times=3)
    store = open_store()
    store.put_all(uploads(3))
    first = store.swap("churn.py", b"one", expected=None)
    proxy.rule("*", "*", fault, times=2)
    second = store.swap("churn.py", b"two", expected=first)
    found = store.read("churn.py")
    assert found is not None
    assert (found.data, found.etag) == (b"two", second)
    assert len(store.list("_releases/")) == 3


def test_a_reply_that_breaks_off_is_asked_for_again(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    store = open_store()
    data = os.urandom(100_000)
    store.put("_releases/r1/a", data, sha256=sha(data))
    proxy.rule("GET", "*", Truncate(50_000), times=2)
    found = store.read("_releases/r1/a")
    assert found is not None
    assert found.data == data
    proxy.rule("GET", "*list-type*", Truncate(40))
    assert store.list("_releases/") == {"_releases/r1/a": 100_000}


def test_a_server_that_stays_overloaded_is_given_up(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    proxy.rule("*", "*", answers(503, "SlowDown"), times=None)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="keeps asking to slow down"):
        open_store().put_all(uploads(40))
    assert time.monotonic() - began < 12


def test_a_silent_server_is_given_up_in_time(
    open_store: Callable[..., S3Store], proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same proportions as in life, where nobody waits longer than PATIENCE_SECONDS.
    assert aws_module.PATIENCE_SECONDS < 30
    monkeypatch.setattr(aws_module, "READ_SECONDS", 0.9)
    open_store().read("churn.py")  # loading what speaks to a server is no part of its silence
    proxy.rule("*", "*", Blackhole(), times=None)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="did not answer in time"):
        open_store(patience_seconds=2.9).read("churn.py")
    assert time.monotonic() - began < 3
    assert proxy.rules[0].done >= 2


def test_a_name_that_does_not_resolve_is_said(
    open_store: Callable[..., S3Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.invalid:9000")
    with pytest.raises(UnavailableError, match=r"s3\.invalid:9000 cannot be reached"):
        open_store().read("churn.py")


def test_a_proxy_that_does_not_answer_is_said(
    open_store: Callable[..., S3Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://bucket.example")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="`HTTP_PROXY` names a proxy") as told:
        open_store().read("churn.py")
    assert "NO_PROXY=bucket.example" in (told.value.hint or "")


# --- Conditional writes whose answer is lost ----------------------------------------------------


def test_a_pointer_written_without_an_answer_was_written(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    store = open_store()
    first = store.swap("churn.py", b"one", expected=None)
    proxy.rule("PUT", POINTER, Drop(), times=None)
    second = store.swap("churn.py", b"two", expected=first)
    proxy.clear()
    found = store.read("churn.py")
    assert found is not None
    assert (found.data, found.etag) == (b"two", second)


def test_a_pointer_somebody_else_wrote_meanwhile_is_a_conflict(
    open_store: Callable[..., S3Store], proxy: FaultProxy, s3_url: str, bucket: str
) -> None:
    store = open_store()
    first = store.swap("churn.py", b"one", expected=None)
    moto.client(s3_url).put_object(Bucket=bucket, Key="dags/churn/churn.py", Body=b"theirs")
    proxy.rule("PUT", POINTER, Reset(), times=None)
    with pytest.raises(ConflictError):
        store.swap("churn.py", b"two", expected=first)


def test_a_pointer_nobody_wrote_is_said_to_be_unchanged(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    store = open_store()
    first = store.swap("churn.py", b"one", expected=None)
    proxy.rule("PUT", POINTER, Reset(), times=None)
    with pytest.raises(UnavailableError):
        store.swap("churn.py", b"two", expected=first)


def test_a_pointer_nobody_can_look_at_is_unfinished(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    store = open_store()
    first = store.swap("churn.py", b"one", expected=None)
    proxy.rule("*", POINTER, Drop(), times=None)
    with pytest.raises(UnfinishedError, match="may have been written"):
        store.swap("churn.py", b"two", expected=first)


# --- Answers that say no ------------------------------------------------------------------------


def test_a_session_that_expires_stops_and_the_next_one_sends_what_is_missing(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    proxy.rule("PUT", "*", answers(400, "ExpiredToken"), offset=10, times=None)
    wanted = uploads(40)
    with pytest.raises(NotAllowedError, match="the session has expired") as told:
        open_store().put_all(wanted)
    assert "aws sso login" in (told.value.hint or "")
    time.sleep(1)  # what was on its way
    proxy.settle()
    proxy.clear()
    there = open_store().list("_releases/")
    assert len(there) == 10
    open_store().put_all(one for one in wanted if one.key not in there)
    assert len(proxy.requests("PUT")) == 30


def test_a_login_made_meanwhile_is_used(
    open_store: Callable[..., S3Store],
    proxy: FaultProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def log_in(name: str) -> None:
        text = f"[default]\naws_access_key_id = {name}\naws_secret_access_key = testing\n"
        (tmp_path / "credentials").write_text(text)

    log_in("first")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    store = open_store()
    store.put_all(uploads(3))
    expired = answers(400, "ExpiredToken")
    proxy.rule("*", "*", expired, times=None, authorization="*Credential=first/*")
    log_in("second")
    store.put_all(uploads(40))
    assert len(store.list("_releases/")) == 40


def test_what_is_denied_is_named_with_its_permission(
    open_store: Callable[..., S3Store], proxy: FaultProxy, bucket: str
) -> None:
    proxy.rule("PUT", POINTER, answers(403, "AccessDenied"), times=None)
    arn = f"arn:aws:s3:::{bucket}/dags/churn/churn.py"
    with pytest.raises(NotAllowedError, match=f"`s3:PutObject` on `{arn}`") as told:
        open_store().swap("churn.py", b"", expected=None)
    assert arn in (told.value.hint or "")
    proxy.clear()
    proxy.rule("PUT", LOCK, answers(403, "AccessDenied"), times=None)
    with pytest.raises(NotAllowedError, match=r"mlops/churn/staging/lock\.json"):
        open_store().lock("deploy").__enter__()
    proxy.clear()
    body = (
        b"<DeleteResult><Error><Key>dags/churn/a.py</Key><Code>AccessDenied</Code></Error>"
        b"</DeleteResult>"
    )
    proxy.rule("POST", "*delete*", Status(200, body, {"Content-Type": XML}))
    with pytest.raises(NotAllowedError, match=r"delete `dags/churn/a\.py`"):
        open_store().delete(["a.py"])


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("PUT", POINTER, "s3:PutObject"),
        ("PUT", "*/dags/churn/_releases/*", "s3:PutObject"),
        ("DELETE", "*/dags/churn/_releases/*", "s3:DeleteObject"),
        ("PUT", "*/mlops/churn/staging/_history/*", "s3:PutObject"),
        ("DELETE", "*/mlops/churn/staging/_history/*", "s3:DeleteObject"),
    ],
)
def test_a_missing_permission_is_found_before_the_first_change(
    open_store: Callable[..., S3Store],
    proxy: FaultProxy,
    s3_url: str,
    bucket: str,
    method: str,
    path: str,
    action: str,
) -> None:
    etag = open_store().swap("churn.py", b"live", expected=None)
    proxy.rule(method, path, answers(403, "AccessDenied"), times=None)
    with (
        pytest.raises(NotAllowedError, match=f"access denied to `{action}`"),
        open_store().lock("deploy"),
    ):
        pytest.fail("it went on")
    proxy.clear()
    assert in_bucket(s3_url, bucket) == {"dags/churn/churn.py"}
    found = open_store().read("churn.py")
    assert found is not None
    assert (found.data, found.etag) == (b"live", etag)


def test_another_account_is_refused(
    open_store: Callable[..., S3Store], proxy: FaultProxy, bucket: str
) -> None:
    wrong = Aws(clock=SystemClock(), account="999999999999")
    with pytest.raises(NotAllowedError, match=rf"`999999999999`.*`{moto.ACCOUNT}`"):
        wrong.require_account()
    assert Aws(clock=SystemClock(), account=moto.ACCOUNT).require_account().account == moto.ACCOUNT
    proxy.clear()
    store = open_store(account=moto.ACCOUNT)
    with store.lock("deploy"):
        store.put_all(uploads(2))
        store.swap("churn.py", b"", expected=None)
    store.list("")
    store.delete(["churn.py"])
    # Whoever owns a bucket of that name instead gets to see nothing.
    for one in proxy.requests("*", f"/{bucket}*"):
        assert one.headers["x-amz-expected-bucket-owner"] == moto.ACCOUNT, one


def test_a_bucket_that_is_not_there_is_said(open_store: Callable[..., S3Store]) -> None:
    with pytest.raises(ProjectError, match="there is no such bucket"):
        open_store(name="nobody-has-this-bucket").list("")


def test_a_server_that_is_no_s3_is_not_taken_for_an_empty_one(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    proxy.rule("*", "*", Status(404, b"<html>Not Found</html>"), times=None)
    with pytest.raises(ProjectError, match="answered `404`"):
        open_store().read("churn.py")
    with pytest.raises(ProjectError, match="answered `404`"):
        open_store().list("")


def test_a_bucket_in_another_region_is_said(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    moved = Status(
        301,
        xml("PermanentRedirect", Endpoint="s3.amazonaws.com"),
        {"Content-Type": XML, "x-amz-bucket-region": moto.REGION},
    )
    proxy.rule("*", "*", moved, times=None)
    with pytest.raises(ProjectError, match=rf"the bucket is in `{moto.REGION}`"):
        open_store(region="us-west-2").list("")


def test_a_clock_that_is_off_is_said_with_how_much(
    open_store: Callable[..., S3Store], proxy: FaultProxy
) -> None:
    server = format_datetime(datetime.now(UTC) - timedelta(minutes=20), usegmt=True)
    skewed = Status(403, xml("RequestTimeTooSkewed"), {"Content-Type": XML, "Date": server})
    proxy.rule("*", "*", skewed, times=None)
    with pytest.raises(UnavailableError, match="this machine's clock is 20 min ahead"):
        open_store().read("churn.py")


def test_no_credentials_and_an_unknown_profile_are_said(
    open_store: Callable[..., S3Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotAllowedError, match="no AWS profile `nobody`"):
        open_store(profile="nobody").read("churn.py")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(NotAllowedError, match="no AWS credentials"):
        open_store().read("churn.py")


# --- Interrupted --------------------------------------------------------------------------------


def _upload_for_ever(open_store: Callable[..., S3Store]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    store = open_store()
    try:
        with store.lock("deploy that is interrupted"):
            store.put_all(uploads(40))
    except KeyboardInterrupt:
        # As the command does: through the interpreter's own end, threads and all.
        raise SystemExit(130) from None


@pytest.mark.parametrize("fault", [Blackhole(), Delay(5)], ids=["silence", "slowness"])
def test_ctrl_c_ends_it_at_once_and_frees_the_lock(
    open_store: Callable[..., S3Store], proxy: FaultProxy, s3_url: str, bucket: str, fault: Any
) -> None:
    proxy.rule("PUT", "*_releases*", fault, times=None)
    worker = FORK.Process(target=_upload_for_ever, args=(open_store,))
    worker.start()
    deadline = time.monotonic() + 20
    while not any(rule.done for rule in proxy.rules):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    began = time.monotonic()
    assert worker.pid
    os.kill(worker.pid, signal.SIGINT)
    worker.join(10)
    assert worker.exitcode == 130
    assert time.monotonic() - began < 2
    assert "mlops/churn/staging/lock.json" not in in_bucket(s3_url, bucket)


def test_the_lock_says_who_holds_it_and_no_secret(
    open_store: Callable[..., S3Store], s3_url: str, bucket: str
) -> None:
    with open_store().lock("deploy"):
        found = moto.client(s3_url).get_object(Bucket=bucket, Key="mlops/churn/staging/lock.json")
        told = json.loads(found["Body"].read())
    assert set(told) == {"who", "host", "pid", "since", "what", "id", "lease_seconds"}
