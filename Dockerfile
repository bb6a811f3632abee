# syntax=docker/dockerfile:1

FROM rust:1-bookworm AS build
# A layer of its own: the library for wasm changes with the compiler only.
RUN rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
# What was downloaded and compiled last time is kept by the builder, not by the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo --locked xtask build && cp target/release/parlour /parlour

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin parlour \
    && install -d -o parlour -g parlour -m 0700 /data
COPY --from=build /parlour /usr/local/bin/parlour

# The number, not the name: orchestrators that refuse root can tell.
USER 10001
ENV PARLOUR_LISTEN=0.0.0.0:8080 \
    PARLOUR_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["parlour", "health"]
ENTRYPOINT ["parlour"]
CMD ["serve"]
