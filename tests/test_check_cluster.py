"""A cluster judges as one process does, also when it loses workers or the target dies of a case."""

import os
import signal

import pytest
from checking import Checked, kernel_file

from deconv_ref.conformance import runner
from deconv_ref.conformance.cluster import Cluster, ClusterError
from deconv_ref.conformance.frameworks import TargetError

distributed = pytest.importorskip("distributed")

CASES = 80
FORGETS = """
right = conv


def conv(**call):
    return right(**{**call, "dilation": (1,) * len(call["dilation"])})
"""
ABORTS = """
right = conv


def conv(**call):
    if max(call["stride"]) == 3 and call["groups"] == 2:
        import os
        os.abort()
    return right(**call)
"""
DECLINES = """
def unsupported(op, parameters):
    return "strides" if max(parameters["stride"]) > 1 else None
"""


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 2)
        with Cluster("local") as cluster:
            yield cluster


def judged(path, progress=lambda *_: None, judged_by=None):
    plan = runner.Plan((str(path),), ops=("conv",), cases=CASES)
    results = runner.check(plan, progress, lambda _: None, judged_by=judged_by)
    return Checked(results, plan.seed)


def written(folder, extra):
    path = folder / "kernel.py"
    path.write_text(kernel_file(keep=["conv"], extra=extra), encoding="utf-8")
    return path


@pytest.mark.parametrize("extra", ["", FORGETS, ABORTS, DECLINES])
def test_a_cluster_finds_what_one_process_finds(extra, cluster, tmp_path):
    path, before = written(tmp_path, extra), cluster.seconds
    assert judged(path, judged_by=cluster.judge).document == judged(path).document
    assert cluster.seconds > before


def test_a_worker_may_be_lost(cluster, tmp_path):
    """Its pieces are judged by another, or in the end by ourselves."""
    path, lost = written(tmp_path, FORGETS), []

    def lose_one(_run, _function, done):
        if done == CASES // 3 and not lost:
            lost.extend(cluster._client.run(os.getpid).values())
            os.kill(lost[0], signal.SIGKILL)

    checked = judged(path, lose_one, cluster.judge)
    assert len(lost) == 2
    assert checked.document == judged(path).document


def test_what_the_cluster_has_another_version_of_is_not_judged(cluster, tmp_path):
    source = "import os\nVERSION = str(os.getppid())\n"
    with pytest.raises(TargetError, match="on the cluster, and kernel"):
        judged(written(tmp_path, source), judged_by=cluster.judge)


def test_a_cluster_that_is_gone_is_done_without(tmp_path):
    path = written(tmp_path, FORGETS)
    with distributed.LocalCluster(1, dashboard_address=":0", processes=False) as there:
        cluster = Cluster(there.scheduler_address)
        cluster._client.close()
    assert judged(path, judged_by=cluster.judge).document == judged(path).document


def test_an_address_has_to_be_one():
    with pytest.raises(ClusterError, match="--dask nonsense: wanted 'local', or the address"):
        Cluster("nonsense")
