"""What trains here does so without vLLM, which TRL would import for ten seconds where it is installed."""

from trainers.recipe import load_recipe
from trainers.trl_vllm import leave_out_vllm

leave_out_vllm(load_recipe("demo/sft", []))
