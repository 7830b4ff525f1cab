"""Messages in the form in which Lambda hands them over."""

from __future__ import annotations

from typing import Any

import pytest

from worker_runtime.clock import RealClock
from worker_runtime.local.stage.polling.staged_records import sqs_record

QUEUE_ARN = "arn:aws:sqs:eu-west-1:000000000000:orders"
MESSAGE = {"MessageId": "1", "ReceiptHandle": "r", "Body": "{}", "MD5OfBody": "0"}


def raw(message: Any, *, windowed: bool) -> Any:
    return sqs_record(message, queue_arn=QUEUE_ARN, clock=RealClock(), windowed=windowed).raw


def test_only_a_mapping_with_a_window_tells_the_digest_of_attributes_that_are_not_there() -> None:
    assert raw(MESSAGE, windowed=True)["md5OfMessageAttributes"] is None
    assert "md5OfMessageAttributes" not in raw(MESSAGE, windowed=False)


@pytest.mark.parametrize("windowed", [True, False])
def test_the_digest_of_attributes_is_handed_over(*, windowed: bool) -> None:
    message = {**MESSAGE, "MD5OfMessageAttributes": "d25a"}

    assert raw(message, windowed=windowed)["md5OfMessageAttributes"] == "d25a"
