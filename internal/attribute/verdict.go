package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// rule is a row that is ready for use: with the evidence that it gives where
// nothing but its needs hold and these have one value each. Such a verdict
// costs no allocation, whatever the storm.
type rule struct {
	row
	constant []reset.Evidence
}

// prepare makes rules of the tables, in their order.
func prepare(tables [][]row) []rule {
	var rules []rule
	for _, table := range tables {
		for i := range table {
			rules = append(rules, rule{row: table[i], constant: constantEvidence(&table[i])})
		}
	}
	return rules
}

func constantEvidence(r *row) []reset.Evidence {
	list := []reset.Evidence{}
	for i := range r.needs {
		s := &r.needs[i]
		if s.weight != reset.WeightNone && s.clue.value != nil {
			return nil
		}
		list = r.tell(list, s, s.clue.says, false)
	}
	return list
}

// tell adds the evidence that a sign gives: a line each for the sender and the
// cause, whichever it speaks of.
func (r *row) tell(list []reset.Evidence, s *sign, value string, against bool) []reset.Evidence {
	if s.weight == reset.WeightNone {
		return list
	}
	e := reset.Evidence{Fact: s.clue.fact, Value: value, Weight: s.weight, Against: against}
	if s.about&aboutSender != 0 && (r.sender != reset.SenderUnknown || !against) {
		e.For = senderIs[r.sender]
		list = append(list, e)
	}
	if s.about&aboutCause != 0 && (r.cause != reset.CauseUnknown || !against) {
		e.For = causeIs[r.cause]
		list = append(list, e)
	}
	return list
}

// apply gives the reset the rule's verdict.
func (r *rule) apply(c *Case) {
	out := c.Reset
	out.Sender, out.Cause = r.sender, r.cause
	out.Confidence = reset.Confidence{Sender: r.who, Cause: r.why}
	further := 0
	for i := range r.doubts {
		if s := &r.doubts[i]; s.clue.holds(c) {
			further++
			r.lower(&out.Confidence, s)
		}
	}
	for i := range r.adds {
		if r.adds[i].clue.holds(c) {
			further++
		}
	}
	out.Evidence = r.constant
	if further > 0 || r.constant == nil {
		out.Evidence = r.evidence(c, 2*(further+len(r.needs)))
	}
}

func (r *rule) lower(level *reset.Confidence, s *sign) {
	if s.about&aboutSender != 0 {
		level.Sender = lowered(level.Sender, s.weight)
	}
	if s.about&aboutCause != 0 {
		level.Cause = lowered(level.Cause, s.weight)
	}
}

// evidence lists what held: for the verdict, then against it.
func (r *rule) evidence(c *Case, room int) []reset.Evidence {
	list := make([]reset.Evidence, 0, room)
	for i := range r.needs {
		list = r.tell(list, &r.needs[i], r.needs[i].clue.text(c), false)
	}
	for i := range r.adds {
		if s := &r.adds[i]; s.clue.holds(c) {
			list = r.tell(list, s, s.clue.text(c), false)
		}
	}
	for i := range r.doubts {
		if s := &r.doubts[i]; s.clue.holds(c) {
			list = r.tell(list, s, s.clue.text(c), true)
		}
	}
	return list
}

var senderIs, causeIs = claims()

// claims are the words of Evidence.For, made once.
func claims() (senders, causes []string) {
	for s := reset.SenderNone; s <= reset.Path; s++ {
		senders = append(senders, "sender="+s.String())
	}
	for c := reset.CauseNone; c <= reset.Relayed; c++ {
		causes = append(causes, "cause="+c.String())
	}
	return senders, causes
}
