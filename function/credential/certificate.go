package credential

import (
	"crypto/tls"

	"keyrelay/function/destination"
	"keyrelay/function/mask"
	"keyrelay/function/secret"
)

// Certificate returns the certificate to present when connecting; nil for none. The pointer
// is its version: connections that presented the same pointer may be used again, and a
// rotated certificate is another pointer.
func (c *Credential) Certificate() *tls.Certificate {
	for _, part := range c.parts[:c.attached] {
		if part.certificate != nil {
			return part.certificate
		}
	}
	return nil
}

// fromCertificate reads a client certificate and its key, both PEM (RFC 7468).
func fromCertificate(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	text, _ := value.Member("certificate")
	key, _ := value.Member("private_key")
	if text == "" || key == "" {
		return nil, secret.Lacks(scheme.Secret, value.Bytes(), `is not of the shape that mutualTLS needs. Store {"certificate": "…", "private_key": "…"}, both as PEM text.`, "certificate", "private_key")
	}
	certificate, err := tls.X509KeyPair(secret.PEM(text, "CERTIFICATE"), secret.PEM(key, "PRIVATE KEY"))
	if err != nil {
		return nil, secret.Unusable(scheme.Secret, "holds no certificate with its private key. Store the PEM text of both (-----BEGIN CERTIFICATE-----, intermediates behind it, and -----BEGIN PRIVATE KEY-----), and see that they belong together.")
	}
	return &part{certificate: &certificate, masker: mask.New()}, nil
}
