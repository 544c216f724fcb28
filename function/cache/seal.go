package cache

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

const (
	// MinKey is the length of the shortest key of a Table: a shorter one may be guessed.
	MinKey = 32
	// maxSealed leaves room for the rest of an item, which has at most 400 KB.
	maxSealed = 380 << 10
	// sealPurpose sets the derived key apart from any other that is derived from the same secret.
	sealPurpose = "keyrelay shared token"
)

// sealer encrypts with AES-256-GCM and a nonce by chance before each text. Its key is
// derived by HKDF (RFC 5869) with SHA-256.
func sealer(key []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, sealPurpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal seals a value for one id: under another it does not open. It is nil for a value that no item can hold.
func seal(key []byte, id string, value []byte) []byte {
	with, err := sealer(key)
	if err != nil || len(value) > maxSealed {
		return nil
	}
	return with.Seal(nil, nil, value, bound(id)) // #nosec G407 -- it takes no nonce and makes a random one
}

var errSealed = errors.New("it was sealed with another key or for another id, or has changed")

// open opens what seal sealed.
func open(key []byte, id string, sealed []byte) ([]byte, error) {
	with, err := sealer(key)
	if err != nil {
		return nil, err
	}
	value, err := with.Open(nil, nil, sealed, bound(id))
	if err != nil {
		return nil, errSealed
	}
	return value, nil
}

// bound is the additional data that makes a sealed value open under its id alone.
func bound(id string) []byte {
	return []byte("id " + id)
}
