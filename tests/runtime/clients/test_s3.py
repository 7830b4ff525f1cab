from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.clients import s3
from worker_runtime.errors import Halt

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_object_is_stored(cloud: Callable[[str], Any]) -> None:
    cloud("s3").create_bucket(Bucket="spill")

    s3.put("spill", key="dead-letters/1.json", body=b"{}")

    assert cloud("s3").get_object(Bucket="spill", Key="dead-letters/1.json")["Body"].read() == b"{}"


@pytest.mark.usefixtures("cloud")
def test_a_missing_bucket_is_a_halt() -> None:
    with pytest.raises(Halt, match="s3 PutObject of no-such-bucket: NoSuchBucket; check"):
        s3.put("no-such-bucket", key="k", body=b"")
