# keyrelay as an HTTP server: a static program, its documents and the certificate authorities, nothing else.
#
#   docker build -t keyrelay .
#   docker run --read-only --cap-drop ALL -p 8080:8080 -e KEYRELAY_CALLER_KEYS=env:CALLER_KEY -e CALLER_KEY=… keyrelay
FROM golang:1.26.8 AS build
WORKDIR /keyrelay
COPY go.mod go.sum ./
RUN go mod download
COPY function function
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o /out/keyrelay ./function

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/keyrelay /keyrelay
COPY destinations /destinations
USER 65532:65532
ENV PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/keyrelay", "healthcheck"]
ENTRYPOINT ["/keyrelay"]
