# Builds the server, then leaves everything but the binary behind.
# The very version of rust-toolchain.toml: with another, rustup would fetch a second compiler.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin corewire-server

FROM debian:bookworm-slim
# redis-cli, for the health check and for people.
RUN apt-get update \
    && apt-get install -y --no-install-recommends redis-tools \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --home-dir /data --create-home --uid 999 corewire
COPY --from=build /src/target/release/corewire-server /usr/local/bin/
# The names under which scripts look for the server and its tools.
RUN for name in redis-server redis-sentinel redis-check-rdb redis-check-aof; do \
        ln -s corewire-server /usr/local/bin/$name; \
    done
USER corewire
WORKDIR /data
VOLUME /data
EXPOSE 6379
# NOAUTH is an answer too: redis-cli prints it and succeeds.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD redis-cli -p "${COREWIRE_PORT:-6379}" ping | grep -Eq 'PONG|NOAUTH|LOADING'
STOPSIGNAL SIGTERM
# A container is reached from outside it: the network in front of it is what protects it.
ENTRYPOINT ["corewire-server"]
CMD ["--bind", "* -::*", "--protected-mode", "no", "--dir", "/data"]
