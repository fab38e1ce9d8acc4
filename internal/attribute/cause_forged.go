package attribute

import "github.com/rstwatch/rstwatch/internal/reset"

// forged: somebody else sent it in the name of that address. What tells is
// evidence: see clue_forgery.go. That the peer lives on after "its" RST proves the
// cause; who it was remains a matter of where the packet came from, since a
// process of that host could have written it too.
var forged = cause{
	word:  reset.Forged,
	here:  "it was sent in somebody else's name",
	there: "somebody else sent it in the name of that address",
	next:  "compare the hops and the neighbour with the way to that address (traceroute -T): what stands at that distance sent it",
	seen: []row{
		// No stack sends on after its own RST. A host that shares the address and
		// does not know the connection does answer so: a bare reply proves less.
		{sender: reset.Path, cause: reset.Forged, who: likely, why: certain,
			needs:  []sign{given(not(seenSent)), given(not(bareRST)), given(not(refusalForm)), who(strong, spoke), why(decisive, spokeNew)},
			adds:   append(signsOf(both), who(weak, hopsAway), who(weak, neighbour)),
			doubts: []sign{who(strong, ttlSame), who(strong, noBaseline)}},
		{sender: reset.Path, cause: reset.Forged, who: likely, why: likely,
			needs:  []sign{both(strong, neverSent)},
			adds:   append(signsOf(both), who(weak, hopsAway), who(weak, neighbour)),
			doubts: []sign{who(weak, ttlSame)}},
		// A bare acknowledgement may have been overtaken by the RST.
		{sender: reset.Path, cause: reset.Forged, who: likely, why: likely,
			needs:  []sign{given(not(seenSent)), both(strong, spoke)},
			adds:   append(signsOf(both), who(weak, hopsAway), who(weak, neighbour)),
			doubts: []sign{who(strong, ttlSame), who(strong, noBaseline)}},
		{sender: reset.Path, cause: reset.Forged, who: likely, why: likely,
			needs:  []sign{given(not(seenSent)), given(not(strayHere)), given(twoSigns)},
			adds:   append(signsOf(both), who(weak, hopsAway), who(weak, neighbour)),
			doubts: []sign{who(weak, ttlSame), both(strong, noBaseline), both(strong, oneSided), both(strong, passing)}},
	},
}

// hintOfForgery is the verdict of one strong sign, where nothing better explains
// it. Of what only passes, too little is known for most of them: the RSTs of one
// host differ, and what answered for it at first, or the way, was nearer. There
// it must have come from nearer than its source's handshake, or from a neighbour.
var hintOfForgery = cause{
	word: reset.Forged,
	seen: []row{
		{sender: reset.Path, cause: reset.Forged, who: possible, why: possible,
			needs:  []sign{given(not(seenSent)), given(not(strayHere)), given(not(passing)), given(oneSign)},
			adds:   append(signsOf(both), who(weak, hopsAway), who(weak, neighbour)),
			doubts: []sign{both(strong, ttlSame), both(strong, noBaseline)}},
	},
}

// passing holds where this host only passed the RST on, and where it came from
// is no sign.
var passing = clue{fact: factStage, says: "this host only passed it on", holds: func(c *Case) bool {
	return c.Reset.Direction == reset.Forward && !c.flow().Known && !ttlNearer.holds(c) && !otherNeighbour.holds(c)
}}

// strayHere holds where nothing here ever had to do with the RST: its numbers
// then fit nothing in any case.
var strayHere = clue{fact: factNoPast, says: unknownHere.says, holds: func(c *Case) bool {
	return became(reset.NoSocket).holds(c) && !c.past().Known
}}
