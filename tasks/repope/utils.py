"""RePOPE for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
doc_to_visual = plugin.doc_to_visual
doc_to_text = plugin.doc_to_text
doc_to_messages = plugin.doc_to_messages
process_results = TASK.process_results("accuracy", "f1", "yes_ratio", "official_accuracy")

accuracy = TASK.aggregate("mean/accuracy")
f1 = TASK.aggregate("mean/f1")
yes_ratio = TASK.aggregate("mean/yes_ratio")
official_accuracy = TASK.aggregate("mean/accuracy", official=True)
