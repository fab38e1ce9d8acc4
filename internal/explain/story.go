package explain

import (
	"slices"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/causes"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Story is one reset, told. Its strings are safe for terminals.
type Story struct {
	Record     reset.Entry `json:"record"` // the line of the journal, its highest revision
	Name       string      `json:"name"`   // # and the end of its id
	Status     string      `json:"status"` // final, or until when it may change
	Place      []string    `json:"place"`  // host, direction, interface, namespace
	Tuple      string      `json:"tuple"`
	Process    string      `json:"process,omitempty"`
	Paragraph  string      `json:"paragraph"`
	Who        Claim       `json:"who"`
	Why        Claim       `json:"why"`
	Harm       Claim       `json:"harm"`
	Rule       string      `json:"rule,omitempty"`  // of the firewall
	Claim      string      `json:"claim,omitempty"` // what the RST's payload says
	NAT        string      `json:"nat,omitempty"`
	Evidence   []Item      `json:"evidence"`
	Unknown    []string    `json:"not_known,omitempty"`
	Connection []string    `json:"connection,omitempty"`
	TimeLine   []Moment    `json:"time_line"`
	Revisions  []string    `json:"revisions,omitempty"`
	Advice     []string    `json:"advice,omitempty"`
	Next       []Command   `json:"next,omitempty"`
	Page       string      `json:"page,omitempty"`
	Others     []reset.ID  `json:"others,omitempty"` // further resets that the question fits
	at         reset.Time
}

// Claim is one word of the verdict.
type Claim struct {
	Word    string `json:"word"`
	Level   string `json:"confidence,omitempty"`
	Meaning string `json:"meaning,omitempty"`
}

// Item is a piece of evidence.
type Item struct {
	Against bool   `json:"against,omitempty"`
	Text    string `json:"text"`
	For     string `json:"for"` // who, why, or another word that it speaks of
	Weight  string `json:"weight"`
}

// Moment is one step of the time line.
type Moment struct {
	At   reset.Time `json:"at,omitzero"`
	Text string     `json:"text"`
}

// Command is something to type, and the question that it answers.
type Command struct {
	Command  string `json:"command"`
	Question string `json:"question"`
}

// Tell makes a reset's story of its record and of what surrounds it; around may
// be nil.
func Tell(r *reset.Reset, around *Around, setting Setting) *Story {
	if around == nil {
		around = &Around{}
	}
	page, zone := causes.Of(r.Cause), setting.zone()
	s := &Story{
		Record: reset.Entry{Reset: r}, Name: Name(r.ID), Status: status(r, zone), Place: place(r, &setting),
		Tuple: endpoint(r.Src) + " > " + endpoint(r.Dst), Process: owner(r),
		Paragraph: paragraph(r, page), Evidence: evidence(r), Unknown: unknown(r, around, zone),
		Connection: connection(r.Connection), TimeLine: timeLine(r, around), Revisions: revisions(around),
		at: r.Time,
	}
	s.Who = Claim{Word: r.Sender.String(), Level: r.Confidence.Sender.String(), Meaning: whoMeans(r, around)}
	s.Why = Claim{Word: r.Cause.String(), Level: r.Confidence.Cause.String()}
	s.Harm = Claim{Word: r.Harm.String(), Meaning: harm(r)}
	s.Rule, s.Claim = clean(r.Rule), clean(r.Claim)
	if r.NAT != nil {
		s.NAT = tuple(r.NAT.Original) + ", answered as " + tuple(r.NAT.Reply)
	}
	if page != nil {
		s.Why.Meaning, s.Page = page.Title, page.Path()
		for _, text := range page.Advice {
			s.Advice = append(s.Advice, causes.Plain(text))
		}
		s.Next = next(r, around, page, &setting)
	}
	for _, claim := range []*Claim{&s.Who, &s.Why} {
		if claim.Word == "" {
			claim.Word, claim.Meaning = "not judged", ""
		}
	}
	return s
}

// whoMeans says what the sender's word stands for, and which process it was.
func whoMeans(r *reset.Reset, around *Around) string {
	text := senderMeanings[r.Sender]
	if r.Sender != reset.LocalApp && r.Sender != reset.LocalInject {
		return text
	}
	view := viewpoint(r, around)
	if view.Direction != reset.Out {
		return text
	}
	name := processName(view.Process)
	if r.Cause == reset.SocketDestroyed {
		return text + destroyedBy(view.Process, name)
	}
	if name != "" {
		text += ": " + name
	}
	return text
}

// destroyedBy names who destroyed a socket, and whose it was.
func destroyedBy(p *reset.Process, owner string) (text string) {
	if p != nil {
		if hand := processName(p.By); hand != "" {
			text = ": " + hand
		}
	}
	if owner != "" {
		text += "; the socket was that of " + owner
	}
	return text
}

// status says whether the verdict may still change.
func status(r *reset.Reset, zone *time.Location) string {
	var text string
	switch {
	case r.Final:
		text = "final"
	case !r.ProvisionalUntil.IsZero():
		text = "may change until " + clock(r.ProvisionalUntil, zone)
	default:
		text = "may change"
	}
	if r.Revision > 1 {
		text = "revision " + number(uint64(r.Revision)) + ", " + text
	}
	return text
}

func clock(at reset.Time, zone *time.Location) string {
	return at.Std().In(zone).Format("15:04:05")
}

// place is where the RST was met.
func place(r *reset.Reset, setting *Setting) []string {
	var list []string
	if r.Host != "" {
		list = append(list, clean(r.Host))
	}
	way := map[reset.Direction]string{
		reset.In: "in", reset.Out: "out", reset.Forward: "forwarded", reset.Transit: "seen in passing",
	}[r.Direction]
	if in := r.Interface.In; in != "" && r.Direction != reset.Out {
		way += " on " + clean(in)
	}
	if out := r.Interface.Out; out != "" && r.Direction != reset.In {
		way += " to " + clean(out)
	}
	if way != "" {
		list = append(list, strings.TrimSpace(way))
	}
	if !setting.own(r.Netns, r.Host) {
		list = append(list, "namespace "+netnsName(r.Netns))
	}
	return list
}

// owner is the process behind the socket, and its container.
func owner(r *reset.Reset) string {
	text := processName(r.Process)
	if c := r.Container; c != nil {
		name := c.Name
		if c.Pod != "" {
			name = c.Pod
			if c.Namespace != "" {
				name = c.Namespace + "/" + c.Pod
			}
		}
		if name == "" && c.ID != "" {
			name = c.ID[:min(len(c.ID), 12)]
		}
		text = strings.TrimSpace(text + " in " + clean(name))
	}
	if r.Process != nil {
		if by := processName(r.Process.By); by != "" {
			text += ", socket destroyed by " + by
		}
	}
	return strings.TrimPrefix(text, ", ")
}

func tuple(t reset.Tuple) string { return endpoint(t.Src) + " > " + endpoint(t.Dst) }

func endpoint(e reset.Endpoint) string {
	if e.IsZero() {
		return "?"
	}
	return clean(e.String())
}

// paragraph is what happened, in whole sentences: the record's own, without what
// to look at next, since that has a place of its own; and the page's.
func paragraph(r *reset.Reset, page *causes.Page) string {
	summary := r.Summary
	if next := attribute.Next(r); next != "" {
		if rest, found := strings.CutSuffix(summary, "; "+next+"."); found {
			summary = rest + "."
		}
	}
	sentences := []string{clean(summary)}
	if page != nil && r.Cause != reset.CauseUnknown {
		meaning := causes.Plain(page.Meaning)
		if r.Confidence.Cause != reset.Certain {
			meaning = "If so: " + strings.ToLower(meaning[:1]) + meaning[1:]
		}
		sentences = append(sentences, meaning)
	}
	return strings.TrimSpace(strings.Join(sentences, " "))
}

// harm says what the RST cost, with numbers where they are known.
func harm(r *reset.Reset) string {
	switch r.Harm {
	case reset.HarmNone:
		return "nothing was lost"
	case reset.FailedConnect:
		return "a connection could not be opened"
	case reset.HarmUnknown:
		return "the evidence does not say"
	case reset.HarmAbsent:
		return "not judged"
	}
	var parts []string
	if c := r.Connection; c != nil {
		if n := c.Unsent.V; n > 0 {
			parts = append(parts, bytesOf(uint64(n))+" sent and not acknowledged")
		}
		if n := c.Unread.V; n > 0 {
			parts = append(parts, bytesOf(uint64(n))+" received and not read")
		}
	}
	if len(parts) == 0 {
		return "data was under way"
	}
	return strings.Join(parts, ", ")
}

// evidence is in the order of its weight; at the same weight, what speaks for
// the verdict stands first.
func evidence(r *reset.Reset) []Item {
	list := slices.Clone(r.Evidence)
	slices.SortStableFunc(list, func(a, b reset.Evidence) int {
		if a.Weight != b.Weight {
			return int(b.Weight) - int(a.Weight)
		}
		return rank(&a) - rank(&b)
	})
	items := make([]Item, 0, len(list))
	for i := range list {
		e := &list[i]
		text := clean(e.Fact)
		if e.Value != "" {
			text += ": " + clean(e.Value)
		}
		item := Item{Against: e.Against, Text: text, For: about(e.For, r), Weight: e.Weight.String()}
		// One fact often speaks for both halves of the verdict.
		if n := len(items) - 1; n >= 0 {
			if last := items[n]; last.Text == item.Text && last.Against == item.Against && last.Weight == item.Weight {
				items[n].For += ", " + item.For
				continue
			}
		}
		items = append(items, item)
	}
	return items
}

func rank(e *reset.Evidence) int {
	if e.Against {
		return 1
	}
	return 0
}

// about names what evidence speaks of: who and why are the verdict's own words.
func about(text string, r *reset.Reset) string {
	switch kind, word, _ := strings.Cut(text, "="); {
	case kind == "sender" && word == r.Sender.String():
		return "who"
	case kind == "cause" && word == r.Cause.String():
		return "why"
	case word != "":
		return clean(word)
	}
	return clean(text)
}
