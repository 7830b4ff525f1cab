"""Signals that come while turns are passed on are raised behind the block, by their own handlers."""

from __future__ import annotations

import os
import signal

import pytest

from worker_runtime.local.stage.threads.held_signals import HeldSignals


def test_control_c_is_raised_behind_the_block_and_not_within() -> None:
    reached = []

    with pytest.raises(KeyboardInterrupt), HeldSignals() as held:  # noqa: PT012 - its end is what raises
        os.kill(os.getpid(), signal.SIGINT)
        reached.append(held.came)

    assert reached == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_none_came_nothing_is_raised() -> None:
    with HeldSignals() as held:
        pass

    assert not held.came
