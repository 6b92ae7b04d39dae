"""Limits of memory are read where they hold: from cgroups of both versions, the shell, SLURM, and the card."""

import subprocess
import sys

import pytest

from nstlib.media import limits


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Writes files of cgroups, and what /proc says of this process."""
    monkeypatch.setattr(limits, "PROC", tmp_path / "proc")
    monkeypatch.setattr(limits, "CGROUPS", tmp_path / "cgroup")

    def write(proc):
        (tmp_path / "proc").write_text(proc)

    write.root = tmp_path / "cgroup"
    return write


def put(root, folder, **files):
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / folder / f"memory.{name}").write_text(str(text))


def of_groups():
    return {limit.name: limit.free for limit in limits.limits({}) if "cgroup" in limit.name}


def test_cgroup_2_has_its_limit_without_the_files_that_give_way(groups):
    groups("0::/user/job\n")
    put(groups.root, "user/job", max=3_000_000_000, current=1_500_000_000, stat="anon 1\ninactive_file 500000000\n")
    put(groups.root, "user", max="max", current=9)
    assert of_groups() == {"the container's limit (cgroup v2) of 3.0 GB": 2e9}


def test_a_group_around_may_be_tighter_and_a_container_sees_itself_at_the_root(groups):
    groups("0::/user/job\n")
    put(groups.root, "user/job", max=3_000_000_000, current=0)
    put(groups.root, "user", max=1_000_000_000, current=250_000_000)
    assert min(of_groups().values()) == 0.75e9
    groups("0::/docker/abc\n")
    put(groups.root, "", max=2_000_000_000, current=0)
    assert "the container's limit (cgroup v2) of 2.0 GB" in of_groups()


def test_cgroup_1_counts_where_memory_is_its_own(groups):
    groups("5:cpu:/a\n4:memory:/job\n0::/\n")
    none = 9223372036854771712
    put(groups.root, "memory/job", limit_in_bytes=4_000_000_000, usage_in_bytes=10, stat="total_inactive_file 9\n")
    put(groups.root, "memory", limit_in_bytes=none, usage_in_bytes=10)
    assert of_groups() == {"the container's limit (cgroup v1) of 4.0 GB": 4e9 - 1}


def test_what_is_missing_or_odd_limits_nothing(groups):
    assert of_groups() == {}
    groups("0::/a\n")
    put(groups.root, "a", max="max\n", current="?", stat="x")
    assert of_groups() == {}
    put(groups.root, "a", max=1000, current=5000)
    assert set(of_groups().values()) == {0}


def test_slurms_job_has_what_it_asked_for():
    def free(**environment):
        return [limit for limit in limits.limits(environment) if "SLURM" in limit.name]

    (node,) = free(SLURM_MEM_PER_NODE="100000")
    assert 95e9 < node.free < 100_000 * 2**20 and node.name == "the SLURM job's 104.9 GB"
    (cpus,) = free(SLURM_MEM_PER_CPU="50000", SLURM_CPUS_ON_NODE="2")
    assert cpus.name == node.name
    assert free(SLURM_MEM_PER_NODE="0") == free() == free(SLURM_MEM_PER_NODE="many") == []


def test_ulimit_is_read_in_the_process_that_it_holds():
    code = (
        "from nstlib.media import limits; limit = limits.least(); print(limit.name, limit.virtual, limit.free < 9.2e8)"
    )
    command = f"ulimit -v 900000; exec {sys.executable} -c '{code}'"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "ulimit -v of 0.9 GB True True"


def test_cards_are_what_nvidia_smi_says(tmp_path, monkeypatch):
    assert limits.first_card() is None or limits.first_card().total > 0
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A, B, 550.1, 1000, 250'\necho 'NVIDIA C, 550.1, 2000, 2000'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    limits._cards.cache_clear()
    assert limits.cards()[0] == ("NVIDIA A, B", "550.1", 1000 * 2**20, 250 * 2**20)
    assert limits.first_card({}).name == "NVIDIA A, B" == limits.first_card({"CUDA_VISIBLE_DEVICES": "GPU-x"}).name
    assert limits.first_card({"CUDA_VISIBLE_DEVICES": "1,0"}).name == "NVIDIA C"
    program.write_text("#!/bin/sh\necho 'failed'\n")
    assert limits.cards() == []
    limits._cards.cache_clear()
