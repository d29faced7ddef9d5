# The static binary, in an image with nothing else but the licences of what is in it. For amd64 and arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag hookstead .
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev python3 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked \
    && install -D target/*/release/hookstead /out/hookstead \
    && packaging/sbom.py "$(rustc -vV | sed -n 's/^host: //p')" /out/sbom.cdx.json /out/third-party-licences.txt \
    && install -d -m 0700 -o 10001 -g 10001 /out/data

FROM scratch
LABEL org.opencontainers.image.title="Hookstead" \
    org.opencontainers.image.description="Webhooks for a CRM, self-hosted, in one file" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build /out/hookstead /hookstead
COPY --from=build /out/sbom.cdx.json /out/third-party-licences.txt /src/LICENSE /licences/
COPY --from=build --chown=10001:10001 /out/data /data
USER 10001:10001
# The data in /data/store, and beside it the key of its secrets, /data/hookstead.key.
VOLUME /data
EXPOSE 8080
# A container's port is published on purpose, and TLS is the business of what stands in front.
ENV HOOKSTEAD_LISTEN=0.0.0.0:8080 \
    HOOKSTEAD_ALLOW_PLAIN_HTTP=true \
    HOOKSTEAD_DATA_DIR=/data/store
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["/hookstead", "healthcheck"]
ENTRYPOINT ["/hookstead"]
CMD ["serve"]
