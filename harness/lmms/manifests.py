"""The `vllm` engine as a model of lmms-eval: `lmms_eval --model harness_vllm --model_args model=FOLDER ...`.

Loaded through the entry point group `lmms_eval.models`; the model itself is imported when it is asked for.
"""

from lmms_eval.models.registry_v2 import ModelManifest

MANIFESTS = [ModelManifest(model_id="harness_vllm", chat_class_path="harness.lmms.model.HarnessVllm")]
