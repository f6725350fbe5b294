"""Tasks side by side: their answers, their failures, and a user's wish to stop. Under a second."""

from __future__ import annotations

import threading

import pytest

from pipelines.at_once import at_once
from pointcloud.errors import CancelledError, InputError


def test_answers_in_order_though_the_first_ends_last():
    second_done = threading.Event()

    def first(report):
        assert second_done.wait(5)
        return 1

    def second(report):
        second_done.set()
        return 2

    assert at_once([first, second], lambda share: None) == [1, 2]


def test_progress_is_the_mean_and_comes_from_the_calling_thread():
    seen = []
    told = threading.Event()

    def half(report):
        report(0.5)
        assert told.wait(5)

    def watch(share):
        seen.append((share, threading.current_thread()))
        if share > 0:
            told.set()

    at_once([half, lambda report: report(0.0)], watch)
    assert (0.25, threading.current_thread()) in seen
    assert {thread for _, thread in seen} == {threading.current_thread()}


def endless(report):
    while True:
        report(0.1)
        threading.Event().wait(0.01)


def test_a_failure_ends_the_others_and_is_what_is_told():
    def fails(report):
        raise InputError("empty", "空です")

    for tasks in ([endless, fails], [fails, endless]):
        with pytest.raises(InputError):
            at_once(tasks, lambda share: None)


def test_a_wish_to_stop_ends_all():
    def stop(share):
        raise CancelledError("the user: stop", "中止")

    with pytest.raises(CancelledError, match="the user"):
        at_once([endless, endless], stop)
