# docker build -t harness .                         CPU, with the demo
# docker build -t harness --build-arg EXTRA=vllm .  with vLLM, for a machine with NVIDIA's container runtime
FROM python:3.11-slim
ARG EXTRA=train
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/harness
COPY . .
RUN if [ "$EXTRA" != vllm ]; then pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu; fi \
    && pip install --no-cache-dir ".[$EXTRA]"
# Run folders are written to the folder that is mounted here.
WORKDIR /work
ENTRYPOINT ["harness"]
CMD ["--help"]
