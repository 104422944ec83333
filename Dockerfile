# Python on Debian 13, for amd64 and arm64.
FROM python:3.13-slim-trixie AS built
WORKDIR /opt/archive-bot
COPY requirements.txt ./
# Exactly what the file names, each with a check sum of its. pyaes is published as source only, and is built.
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements.txt

FROM python:3.13-slim-trixie
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin bot \
    && mkdir -m 700 /data && chown bot: /data
WORKDIR /opt/archive-bot
COPY --from=built /opt/archive-bot/.venv .venv
COPY extract-compressed-files.py enable_deferred_conversion.py requirements.in ./
COPY utils utils
# Nobody may write here later, and each start would compile all of it.
RUN .venv/bin/python -m compileall -q utils
ENV DATA_DIR=/data LOG_FILE=/data/bot.log
USER bot
VOLUME /data
STOPSIGNAL SIGTERM
# The kernel knows whether a bot holds the lock in /data.
HEALTHCHECK --interval=60s --start-period=120s CMD [".venv/bin/python", "-m", "utils.diagnostics.health"]
ENTRYPOINT [".venv/bin/python", "extract-compressed-files.py"]
