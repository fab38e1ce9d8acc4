package testkit

import (
	"fmt"
	"slices"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Seen is what an observer of one namespace alone, with nothing known of the
// others, may rightly say of a RST. The first word of each list is the whole
// truth in such an observer's words, and the only one that may be certain; the
// others are honest as less than that. A sender of unknown is honest too,
// unless Must says that the observer has all that it takes.
//
// The zero value says nothing: the truth is Expect's Sender and Cause.
type Seen struct {
	Senders []reset.Sender
	Causes  []reset.Cause
	// Must: a verdict of unknown, of the sender, is a miss.
	Must bool
}

// IsZero reports whether nothing is said.
func (s Seen) IsZero() bool { return len(s.Senders) == 0 && len(s.Causes) == 0 }

// Judge returns an error if the record's verdict is not one of those that an
// observer of that namespace alone may give.
func (s Seen) Judge(r *reset.Reset) error {
	if s.IsZero() {
		return nil
	}
	sender, sure := r.Sender, r.Confidence.Sender
	switch at := slices.Index(s.Senders, sender); {
	case sender == reset.SenderUnknown && s.Must:
		return fmt.Errorf("sender unknown, where it can be told: %s", s.Senders[0])
	case sender == reset.SenderUnknown:
	case at < 0:
		return fmt.Errorf("sender %s (%s), none of %v", sender, sure, s.Senders)
	case at > 0 && sure == reset.Certain:
		return fmt.Errorf("sender %s is certain, and it was %s", sender, s.Senders[0])
	}
	cause, sure := r.Cause, r.Confidence.Cause
	switch at := slices.Index(s.Causes, cause); {
	case cause == reset.CauseUnknown:
	case at < 0:
		return fmt.Errorf("cause %s (%s), none of %v", cause, sure, s.Causes)
	case at > 0 && sure == reset.Certain:
		return fmt.Errorf("cause %s is certain, and it was %s", cause, s.Causes[0])
	}
	return nil
}

// seen is a Seen of one true sender and the causes that may be given.
func seen(sender reset.Sender, causes ...reset.Cause) Seen {
	return Seen{Senders: []reset.Sender{sender}, Causes: causes}
}

// or adds senders that are honest too.
func (s Seen) or(senders ...reset.Sender) Seen {
	s.Senders = append(slices.Clone(s.Senders), senders...)
	return s
}

// must wants the sender told.
func (s Seen) must() Seen {
	s.Must = true
	return s
}
