"""The systems of the documents at work: what each learns from files, and does to others."""

from deconv_ref.imaging.tasks.digits import CLASSIFICATION, RECONSTRUCTION
from deconv_ref.imaging.tasks.restoration import COMPRESSION, ENLARGEMENT, REPAIR
from deconv_ref.imaging.tasks.samples import Batches
from deconv_ref.imaging.tasks.task import Panel, Task

__all__ = ["TASKS", "Batches", "Panel", "Task"]

TASKS = {
    task.system: task for task in (COMPRESSION, REPAIR, CLASSIFICATION, RECONSTRUCTION, ENLARGEMENT)
}
