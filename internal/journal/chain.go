package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// Hash is one link of the chain: a SHA-256.
type Hash [sha256.Size]byte

// String returns 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads 64 hexadecimal digits.
func ParseHash(text string) (h Hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("hash %q: not 64 hexadecimal digits", text)
	}
	return Hash(b), nil
}

// chain computes hashes without allocating.
type chain struct {
	sha hash.Hash
	sum []byte
}

func newChain() *chain { return &chain{sha: sha256.New(), sum: make([]byte, 0, sha256.Size)} }

// link returns the hash of the block with this head (its first 48 bytes count)
// and payload, after the block with the hash previous.
func (c *chain) link(previous *Hash, head, payload []byte) Hash {
	c.sha.Reset()
	c.sha.Write(previous[:])
	c.sha.Write(head[:48])
	c.sha.Write(payload)
	c.sum = c.sha.Sum(c.sum[:0])
	return Hash(c.sum)
}

// start returns the chain's start in a segment with this head.
func start(head []byte) Hash { return sha256.Sum256(head) }
