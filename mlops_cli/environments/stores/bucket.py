"""Calls on one bucket, and the answers to conditional ones that are no failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import MlopsError, NotAllowedError, UnavailableError
from mlops_cli.environments.aws import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_cli.environments.aws import Aws

TAKEN: Final = ("PreconditionFailed", "412")
GONE: Final = ("NoSuchKey",)
UNKNOWN: Final = ("NotImplemented", "501")
"""A store that has no such condition."""
IMPOSSIBLE: Final = '"00000000000000000000000000000000"'
"""An etag that nothing has."""


class Bucket:
    """Calls on one bucket, which has to belong to the account we expect."""

    def __init__(self, aws: Aws, bucket: str, name: str) -> None:
        self.name = name
        self._aws = aws
        self._bucket = bucket
        self._owner: dict[str, Any] = {"ExpectedBucketOwner": aws.account} if aws.account else {}

    def ask(
        self,
        operation: str,
        place: str,
        what: str,
        action: str | None = None,
        *,
        expected: Sequence[str] = (),
        **arguments: Any,  # noqa: ANN401 -- whatever the operation takes
    ) -> dict[str, Any]:
        """One operation on one object; see `Aws.call`."""
        return self._aws.call(
            "s3",
            operation,
            what=f"{what} in {self.name}",
            resource=f"arn:aws:s3:::{self._bucket}/{place}",
            action=action,
            expected=expected,
            Bucket=self._bucket,
            Key=place,
            **self._owner,
            **arguments,
        )

    def quietly(self, operation: str, place: str, **arguments: Any) -> None:  # noqa: ANN401 -- see `ask`
        """One operation that may fail, as something worse is being told already."""
        try:
            self.ask(operation, place, "clean up", **arguments)
        except (MlopsError, RefusedError):
            return

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Every object whose key begins so, and its size."""
        more: dict[str, Any] = {}
        while True:
            page = self._aws.call(
                "s3",
                "list_objects_v2",
                what=f"list {self.name}",
                resource=f"arn:aws:s3:::{self._bucket}",
                action="s3:ListBucket",
                Bucket=self._bucket,
                Prefix=prefix,
                **self._owner,
                **more,
            )
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):  # the S3 console's idea of a folder
                    yield item["Key"], item["Size"]
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, places: Sequence[str]) -> None:
        """Delete up to a thousand objects.

        Raises:
            NotAllowedError: Some of them may not be deleted.
            UnavailableError: Some of them were not.
        """
        done = self._aws.call(
            "s3",
            "delete_objects",
            what=f"remove objects from {self.name}",
            resource=f"arn:aws:s3:::{self._bucket}/*",
            action="s3:DeleteObject",
            Bucket=self._bucket,
            Delete={"Objects": [{"Key": place} for place in places], "Quiet": True},
            **self._owner,
        )
        for error in done.get("Errors", ()):
            message = f"Could not delete `{error['Key']}` in {self.name}: {error['Code']}"
            if error["Code"] == "AccessDenied":
                resource = f"arn:aws:s3:::{self._bucket}/{error['Key']}"
                raise NotAllowedError(message, hint=f"Allow `s3:DeleteObject` on `{resource}`")
            raise UnavailableError(message, hint="Run the same command again")
