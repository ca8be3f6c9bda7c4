# An image for cron jobs: kvsops with its `report` extra; no pip, no source, no git history.
#
#   docker build -t kvsops .
#   docker run --rm -v kvsops:/state -e AWS_REGION=us-east-1 kvsops sweep --expired
#
# Journals are in /state, which should outlive the container: `kvsops restore` reads them.

FROM python:3.13-slim AS build
WORKDIR /src
COPY constraints.txt ./
RUN python -m venv /opt/kvsops \
    && /opt/kvsops/bin/pip install --no-cache-dir --require-hashes -r constraints.txt
COPY pyproject.toml README.md LICENSE ./
COPY kvsops ./kvsops
RUN /opt/kvsops/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/kvsops/bin/pip uninstall --yes --quiet hatchling pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="kvsops" \
      org.opencontainers.image.description="Operations and cost guard for Amazon Kinesis Video Streams WebRTC signaling channels" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/YOUR-ORGANIZATION/kvsops"
COPY --from=build /opt/kvsops /opt/kvsops
RUN install --directory --owner=10001 --group=10001 /state
ENV PATH=/opt/kvsops/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp \
    XDG_STATE_HOME=/state
USER 10001:10001
WORKDIR /state
ENTRYPOINT ["kvsops"]
CMD ["--help"]
