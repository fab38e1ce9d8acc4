package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// Judge fills the verdict of the case's reset from what was recorded of it and
// from what was known around it. That one was dropped on its way
// out is known from the joining and stays.
func Judge(c *Case) {
	r, origin := c.Reset, c.Origin
	r.Sender, r.Cause = reset.SenderUnknown, reset.CauseUnknown
	switch r.Direction {
	case reset.Out:
		sent(r, origin)
	case reset.In:
		received(r)
	}
	if r.Direction != reset.In {
		r.Kernel.Inferred = false
	}
}

func sent(r *reset.Reset, origin reset.Origination) {
	if r.Kernel.Reason != "" {
		for i := range sentRules {
			if rule := &sentRules[i]; rule.fits(r) {
				r.Sender, r.Cause = rule.sender, rule.cause
				r.Confidence = reset.Confidence{Sender: rule.senderLevel(), Cause: rule.sure}
				r.Evidence = rule.evidence()
				return
			}
		}
	}
	if r.Sources.Has(reset.TCPSendReset) {
		sentWithoutReason(r)
		return
	}
	for i := range ownerRules {
		if rule := &ownerRules[i]; rule.fits(r, origin) {
			r.Sender, r.Cause = rule.sender, rule.cause
			r.Confidence = reset.Confidence{Sender: rule.sure, Cause: rule.sure}
			r.Evidence = rule.evidence()
			return
		}
	}
}

// sentWithoutReason judges what a kernel before 6.10 tells: that TCP sent it,
// and whether it answered a packet.
func sentWithoutReason(r *reset.Reset) {
	r.Sender = reset.LocalKernel
	r.Confidence.Sender = reset.Certain
	if r.Trigger == nil {
		// An abort: nearly always the application's, but a timer aborts too.
		r.Sender, r.Confidence.Sender = reset.LocalApp, reset.Likely
	}
}
