"""A drawn tree on a narrow terminal: it stays a tree."""

from __future__ import annotations

from worker_runtime.local.stage.lineage.fitting import fit

REQUEST = "49be60e3-e372-4a0c-8782-8ff7f2c5f7aa"
TREE = [
    "shop.ship  message fb0e8257-b10f-4bac-9a85-019801e06ce4",
    "│  14:13:21.000 (+0.08 s)  685 bytes from work, correlation id the-one-of-the-order",
    f"├─ 14:13:21.000 (+0.08 s)  reject: REFUSED  [shop.ship {REQUEST}, of 5, receive 1]",
    "│  └─ 14:13:21.000 (+0.13 s)  dead letter work-dlq b60a8915-bdaf-4a0e-a4a6-c864e81f98e7",
    "└─ 14:13:21.000 (+0.15 s)  deleted",
]


def fitted(width: int) -> list[str]:
    return [text for text, _ in fit([(text, "") for text in TREE], width=width)]


def test_a_tree_that_has_room_is_left_alone() -> None:
    assert fitted(200) == TREE


def test_long_lines_are_broken_below_their_branch_and_ids_are_short() -> None:
    assert fitted(60) == [
        "shop.ship  message fb0e8257",
        "│  14:13:21.000 (+0.08 s)  685 bytes from work, correlation",
        "│     id the-one-of-the-order",
        "├─ 14:13:21.000 (+0.08 s)  reject: REFUSED  [shop.ship",
        "│  │  49be60e3, of 5, receive 1]",
        "│  └─ 14:13:21.000 (+0.13 s)  dead letter work-dlq b60a8915",
        "└─ 14:13:21.000 (+0.15 s)  deleted",
    ]


def test_no_line_is_longer_than_the_terminal() -> None:
    assert max(map(len, fitted(50))) <= 50


def test_a_style_is_that_of_all_parts_of_a_line() -> None:
    assert {style for _, style in fit([(TREE[2], "red")], width=60)} == {"red"}
