"""Fetches an object from S3, or from what speaks like it (`AWS_ENDPOINT_URL`), with boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ..errors import DataReadError
    from .remote import Transfer

_REASONS = {
    "NoSuchKey": "there is no such object",
    "404": "there is no such object",
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "reading it is not allowed",
    "403": "reading it is not allowed",
    "InvalidAccessKeyId": "AWS does not know the access key",
    "SignatureDoesNotMatch": "AWS does not know the secret key",
    "ExpiredToken": "the session has expired",
}
_WHO = "See who you are: `aws sts get-caller-identity`"


def download(uri: str, transfer: Transfer) -> None:
    """Fetch an object.

    Raises:
        DataReadError: boto3 is missing, or the object did not arrive whole.
    """
    try:
        import boto3
        import botocore.exceptions as failures
        from botocore.config import Config
    except ImportError as error:
        raise transfer.failed(
            "reading `s3://` needs boto3, which is not installed", hint="`pip install boto3`"
        ) from error
    # Not unquoted: in `s3://` the key stands as it is, as in the AWS command line.
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket or not key or urlsplit(uri).username is not None:
        raise transfer.failed("it is not of the form `s3://BUCKET/KEY`")
    seconds = transfer.limits.idle_seconds
    config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"mode": "standard"})
    # Not boto3's own session: it keeps the credentials it found first.
    session = boto3.session.Session()
    try:
        found = session.client("s3", config=config).get_object(Bucket=bucket, Key=key)
        with found["Body"] as body:
            transfer.copy(body.read, found["ContentLength"])
    except failures.ClientError as error:
        raise _refused(error.response.get("Error", {}), transfer) from error
    except (failures.NoCredentialsError, failures.PartialCredentialsError) as error:
        raise transfer.failed(
            "there are no AWS credentials", hint="`aws configure`, or set AWS_PROFILE"
        ) from error
    except (failures.IncompleteReadError, failures.ResponseStreamingError) as error:
        raise transfer.failed("the transfer was cut off") from error
    except failures.ReadTimeoutError as error:
        raise transfer.failed(f"S3 sent nothing for {seconds:g} seconds") from error
    except failures.BotoCoreError as error:
        raise transfer.failed(str(error).rstrip(".")) from error


def _refused(error: dict[str, Any], transfer: Transfer) -> DataReadError:
    code = str(error.get("Code", ""))
    reason = _REASONS.get(code, f"S3 answered {code}: {error.get('Message', '')}".rstrip(": ."))
    allowed = code in ("NoSuchKey", "404", "NoSuchBucket")
    return transfer.failed(reason, hint=None if allowed else _WHO)
