"""The emulator as a part: it comes up on loopback, serves, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.stage.parts.emulator import Emulator
from worker_runtime.local.stage.parts.part import PartBroken
from worker_runtime.local.stage.parts.ports import LOOPBACK, accepts, listeners

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient


def test_it_listens_on_loopback_only(emulator: Emulator) -> None:
    assert emulator.pid is not None

    addresses = listeners(emulator.pid)

    assert {str(address) for address, _ in addresses} == {LOOPBACK}
    assert emulator.port in {port for _, port in addresses}
    emulator.refuse_open_listeners()


def test_a_message_goes_through_a_queue(
    emulator: Emulator, sqs: SQSClient, unique: Callable[[str], str]
) -> None:
    queue = sqs.create_queue(QueueName=unique("orders"))["QueueUrl"]

    sqs.send_message(QueueUrl=queue, MessageBody="hello")

    assert queue.startswith(emulator.endpoint_url)
    assert [each["Body"] for each in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["hello"]


def test_a_stopped_one_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    with Emulator(tmp_path) as running:
        pid, port = running.pid, running.port

    assert not Path(f"/proc/{pid}").exists()
    assert not accepts(port)
    assert running.pid is None


def test_one_that_ends_early_says_what_it_said_last(tmp_path: Path) -> None:
    broken = Emulator(tmp_path, environment={"GATEWAY_PORT": "no-number"})

    with pytest.raises(PartBroken, match=r"ended with 1 before it served(.|\n)*no-number"):
        broken.start()


def test_one_that_takes_too_long_is_given_up_and_ended(tmp_path: Path) -> None:
    slow = Emulator(tmp_path, start_timeout_s=0.01)

    with pytest.raises(PartBroken, match=r"did not serve within 0.01 seconds"):
        slow.start()

    assert slow.pid is None
