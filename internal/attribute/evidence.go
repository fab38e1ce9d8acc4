package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// The facts of this package's rules, a closed list: docs/reference/evidence.md
// describes each.
const (
	factReason    = "kernel-reason" // enum sk_rst_reason of tcp_send_reset
	factOwner     = "packet-owner"  // what owned the packet when it reached a device
	factDrop      = "trigger-drop"  // enum skb_drop_reason of the packet that was answered
	factUnwatched = "not-watched"   // what the capture could not see
)

// WireNotWatched is the evidence that a capture without packet hooks puts into
// each of its records.
func WireNotWatched() *reset.Evidence {
	return &reset.Evidence{
		Fact: factUnwatched, Value: "the wire: no packet is known, and nothing that TCP neither sent nor took",
		For: "sender=unknown", Weight: reset.Weak,
	}
}

var ownerNames = [...]string{
	reset.OriginRawSocket:    "raw socket",
	reset.OriginPacketSocket: "packet socket",
	reset.OriginNoSocket:     "no socket, and TCP did not send it",
}

// Evidence lists are made once: in a storm a reset costs no allocation.
var (
	sentEvidence  = makeSentEvidence()
	ownerEvidence = makeOwnerEvidence()
)

func (rule *sentRule) evidence() []reset.Evidence  { return sentEvidence[rule] }
func (rule *ownerRule) evidence() []reset.Evidence { return ownerEvidence[rule] }

func makeSentEvidence() map[*sentRule][]reset.Evidence {
	lists := make(map[*sentRule][]reset.Evidence, len(sentRules))
	for i := range sentRules {
		rule := &sentRules[i]
		list := []reset.Evidence{{Fact: factReason, Value: rule.reason, For: "sender=" + rule.sender.String(), Weight: weightOf(rule.senderLevel())}}
		if rule.cause != reset.CauseUnknown {
			list = append(list, reset.Evidence{Fact: factReason, Value: rule.reason, For: "cause=" + rule.cause.String(), Weight: weightOf(rule.sure)})
		}
		lists[rule] = list
	}
	return lists
}

func makeOwnerEvidence() map[*ownerRule][]reset.Evidence {
	lists := make(map[*ownerRule][]reset.Evidence, len(ownerRules))
	for i := range ownerRules {
		rule := &ownerRules[i]
		lists[rule] = []reset.Evidence{{
			Fact: factOwner, Value: ownerNames[rule.origin], For: "sender=" + rule.sender.String(), Weight: weightOf(rule.sure),
		}}
		if rule.drop != "" {
			lists[rule][0].Weight = reset.Strong
			lists[rule] = append(lists[rule], reset.Evidence{
				Fact: factDrop, Value: rule.drop, For: "sender=" + rule.sender.String(), Weight: reset.Decisive,
			})
		}
	}
	return lists
}

func weightOf(level reset.Level) reset.Weight {
	if level == reset.Certain {
		return reset.Decisive
	}
	return reset.Strong
}
