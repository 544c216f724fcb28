# keyrelay as an HTTP server: a static program, its documents, the certificate authorities and the licences, nothing else.
#
#   make image
#   docker run --read-only --cap-drop ALL -p 8080:8080 -e KEYRELAY_CALLER_KEYS=env:CALLER_KEY -e CALLER_KEY=… keyrelay
#
# The same files make the same layers, whenever and wherever they are built. docs/operate.md says how to pin the base by its digest.
FROM golang:1.26.8-trixie AS build
ARG SOURCE_DATE_EPOCH=0
ARG COMMIT=unknown
ARG DESTINATIONS=destinations
WORKDIR /keyrelay
COPY go.mod go.sum ./
RUN go mod download
COPY function function
COPY LICENSE NOTICE THIRD_PARTY_NOTICES.txt /image/
COPY $DESTINATIONS destinations
RUN mkdir -p /image/etc/ssl/certs \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.commit=$COMMIT" -o /image/keyrelay ./function \
 && /image/keyrelay pack destinations /image/destinations \
 && chmod -R u=rwX,go=rX /image \
 && find /image -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENV PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/keyrelay", "healthcheck"]
ENTRYPOINT ["/keyrelay"]
