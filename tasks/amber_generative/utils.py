"""AMBER (generative) for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results(
    "f1", "chair", "cover", "hal", "cog", "official_chair", "official_cover", "official_hal", "official_cog"
)

f1 = TASK.aggregate("all/f1")
chair = TASK.aggregate("all/chair")
cover = TASK.aggregate("all/cover")
hal = TASK.aggregate("all/hal")
cog = TASK.aggregate("all/cog")
official_chair = TASK.aggregate("all/chair", official=True)
official_cover = TASK.aggregate("all/cover", official=True)
official_hal = TASK.aggregate("all/hal", official=True)
official_cog = TASK.aggregate("all/cog", official=True)
