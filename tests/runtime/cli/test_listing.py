from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from command import Workers
    from installed import Site


def test_a_third_partys_worker_is_listed_with_its_stack_sources_and_version(
    workers: Workers, shop: Site
) -> None:
    done = workers("list", "--json", site=shop)

    rows = {row["id"]: row for row in done.json["workers"]}
    assert done.code == 0
    assert rows["shop.work"] == {
        "id": "shop.work",
        "stack": "shop",
        "sources": [{"kind": "sqs", "name": "orders"}],
        "distribution": "workers-shop",
        "version": "2.3.4",
        "error": None,
    }


def test_a_broken_neighbour_is_a_row_with_its_error(workers: Workers, shop: Site) -> None:
    done = workers("list", "--json", site=shop)

    (broken,) = [row for row in done.json["workers"] if row["id"] == "crash.work"]
    (plugin,) = [row for row in done.json["plugins"] if row["name"] == "crash"]
    assert done.code == 0
    assert broken["stack"] is None
    assert broken["error"].startswith("workers-crash 1.0.0: crash_things.work:work: RuntimeError")
    assert "out of order" in plugin["error"]


def test_people_see_the_same_as_a_table(workers: Workers, shop: Site) -> None:
    done = workers("list", site=shop)

    assert done.code == 0
    (line,) = [line for line in done.out.splitlines() if "shop.work" in line]
    assert line.split() == ["shop.work", "shop", "sqs", "orders", "workers-shop", "2.3.4"]
    assert "RuntimeError: out of order" in done.out


def test_what_a_plugin_prints_while_it_is_imported_is_no_result(workers: Workers, shop: Site) -> None:
    done = workers("list", "--json", site=shop)

    assert "imported" in done.err
    assert "imported" not in done.out


def test_an_id_that_two_distributions_claim_is_two_rows_with_one_error(
    workers: Workers, shop: Site, installed_plugin: Site
) -> None:
    worker = (shop.folder / "shop_things" / "work.py").read_text(encoding="utf-8")
    installed_plugin.install_plugin("twin", worker=worker)
    installed_plugin.install(
        "other-twin",
        files={},
        entry_points={"worker_runtime.workers": {"twin.work": "elsewhere:work"}},
        version="7.0",
    )

    done = workers("list", "--json", site=installed_plugin)

    rows = [row for row in done.json["workers"] if row["id"] == "twin.work"]
    assert [row["distribution"] for row in rows] == ["other-twin", "workers-twin"]
    for row in rows:
        assert row["error"].startswith("twin.work is claimed by ")
        assert "other-twin 7.0" in row["error"]


def test_a_stacks_list_leaves_out_workers_that_are_known_to_be_of_others(
    workers: Workers, shop: Site
) -> None:
    done = workers("list", "--stack", "shop", "--json", site=shop)

    assert [row["id"] for row in done.json["workers"]] == ["crash.work", "shop.work"]


def test_a_stack_that_nobody_is_of_is_refused_with_those_there_are(workers: Workers, shop: Site) -> None:
    done = workers("list", "--stack", "shp", "--json", site=shop)

    assert (done.code, done.out) == (2, "")
    assert "no installed worker is of the stack 'shp'; there are: dmnd, dmnd-pipeline, shop." in done.err


def test_a_distribution_whose_module_is_gone_says_how_to_be_rid_of_it(
    workers: Workers, installed_plugin: Site
) -> None:
    gone = {"worker_runtime.workers": {"gone.work": "gone_things.work:work"}}
    installed_plugin.install("workers-gone", files={}, entry_points=gone)

    done = workers("list", "--json", site=installed_plugin)

    (row,) = [row for row in done.json["workers"] if row["id"] == "gone.work"]
    assert row["error"].endswith("; install it anew, or `pip uninstall workers-gone`.")
