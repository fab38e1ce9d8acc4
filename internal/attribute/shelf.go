package attribute

import "slices"

// shelf has the rules by TCP's reason, each list in the order of precedence and
// with those that want no certain reason: most of the table is not read.
type shelf struct {
	by    map[string][]*rule
	other []*rule // for every other reason
}

func (s *shelf) of(reason string) []*rule {
	if list, ok := s.by[reason]; ok {
		return list
	}
	return s.other
}

func shelve(rules []rule, reasons []string) *shelf {
	s := &shelf{by: map[string][]*rule{}}
	for i := range rules {
		r := &rules[i]
		if r.fitsAny() {
			s.other = append(s.other, r)
		}
		for _, reason := range reasons {
			if r.fitsReason(reason) {
				s.by[reason] = append(s.by[reason], r)
			}
		}
	}
	return s
}

// reasonsOf are the reasons that rules ask for.
func reasonsOf(rules []rule) []string {
	var reasons []string
	for i := range rules {
		for _, s := range rules[i].needs {
			reasons = append(reasons, s.clue.reasons...)
		}
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

func (r *rule) fitsAny() bool {
	return !slices.ContainsFunc(r.needs, func(s sign) bool { return s.clue.reasons != nil })
}

func (r *rule) fitsReason(reason string) bool {
	return !slices.ContainsFunc(r.needs, func(s sign) bool {
		return s.clue.reasons != nil && !slices.Contains(s.clue.reasons, reason)
	})
}
