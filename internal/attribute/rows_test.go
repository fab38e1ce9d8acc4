package attribute

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// allowed are the pairs of sender and cause that a verdict may have: the
// contract's, and docs/reference/verdict.md is made of them.
var allowed = map[reset.Cause][]reset.Sender{
	reset.CauseUnknown:      {reset.SenderUnknown, reset.LocalApp, reset.LocalKernel, reset.LocalFirewall, reset.LocalInject, reset.Peer, reset.Path},
	reset.UnreadData:        {reset.LocalApp},
	reset.LingerZero:        {reset.LocalApp},
	reset.Linger2:           {reset.LocalApp, reset.LocalKernel},
	reset.Disconnect:        {reset.LocalApp},
	reset.ListenerClosed:    {reset.LocalApp},
	reset.ProcessKilled:     {reset.LocalApp},
	reset.SocketDestroyed:   {reset.LocalApp},
	reset.Relayed:           {reset.LocalApp},
	reset.NoListener:        {reset.LocalKernel},
	reset.NoConnection:      {reset.LocalKernel},
	reset.HalfOpen:          {reset.LocalKernel},
	reset.TimeWait:          {reset.LocalKernel},
	reset.DataAfterClose:    {reset.LocalKernel},
	reset.CloseRace:         {reset.LocalKernel},
	reset.BacklogOverflow:   {reset.LocalKernel},
	reset.BadAck:            {reset.LocalKernel},
	reset.BadSyn:            {reset.LocalKernel},
	reset.StaleTimestamp:    {reset.LocalKernel},
	reset.KeepaliveTimeout:  {reset.LocalKernel},
	reset.UserTimeout:       {reset.LocalKernel},
	reset.OutOfMemory:       {reset.LocalKernel},
	reset.MPTCP:             {reset.LocalKernel, reset.LocalApp, reset.Peer},
	reset.TupleReused:       {reset.LocalKernel},
	reset.UntranslatedReply: {reset.LocalKernel, reset.Peer},
	reset.WrongHost:         {reset.Peer, reset.LocalKernel},
	reset.FirewallReject:    {reset.LocalFirewall, reset.Path, reset.Peer},
	reset.Injected:          {reset.LocalInject},
	reset.Refused:           {reset.Peer, reset.SenderUnknown},
	reset.PeerAbort:         {reset.Peer},
	reset.PeerNoConnection:  {reset.Peer},
	reset.AfterClose:        {reset.Peer},
	reset.Backscatter:       {reset.Peer},
	reset.Scan:              {reset.Peer},
	reset.Forged:            {reset.Path},
	reset.IdleTimeout:       {reset.Path, reset.Peer},
}

// signs that a row always gives, about the sender or the cause.
func heaviest(r *row, of about) reset.Weight {
	weight := reset.WeightNone
	for _, s := range r.needs {
		if s.about&of != 0 {
			weight = max(weight, s.weight)
		}
	}
	return weight
}

func name(r *row) string {
	words := []string{r.sender.String(), r.cause.String()}
	for _, s := range r.needs {
		words = append(words, strings.ReplaceAll(s.clue.fact+"="+s.clue.says, " ", "-"))
	}
	return strings.Join(words, "/")
}

// TestRowsAreSound holds every row against what the contract promises of a verdict.
func TestRowsAreSound(t *testing.T) {
	for _, r := range allRules() {
		t.Run(name(&r.row), func(t *testing.T) {
			if !slices.Contains(allowed[r.cause], r.sender) {
				t.Errorf("%s for %s is not allowed", r.sender, r.cause)
			}
			if (r.sender == reset.SenderUnknown) != (r.who == reset.LevelNone) {
				t.Errorf("sender %s is %q", r.sender, r.who)
			}
			if (r.cause == reset.CauseUnknown) != (r.why == reset.LevelNone) {
				t.Errorf("cause %s is %q", r.cause, r.why)
			}
			if r.who == certain && heaviest(&r.row, aboutSender) != decisive {
				t.Error("the sender is certain, and nothing decides it")
			}
			if r.why == certain && heaviest(&r.row, aboutCause) != decisive {
				t.Error("the cause is certain, and nothing decides it")
			}
			if r.who == likely && heaviest(&r.row, aboutSender) == reset.WeightNone && r.sender != reset.Peer && len(r.adds) == 0 {
				t.Error("the sender is likely, and nothing speaks for it")
			}
			if r.why == likely && heaviest(&r.row, aboutCause) == reset.WeightNone && len(r.adds) == 0 {
				t.Error("the cause is likely, and nothing speaks for it")
			}
			if r.sender == reset.Peer && (r.who > likely || r.who == likely && !slices.ContainsFunc(r.doubts, func(s sign) bool {
				return s.clue.fact == factBaseline && s.about&aboutSender != 0 && s.weight >= strong
			})) && heaviest(&r.row, aboutSender) < strong {
				t.Error("the peer is likely whether or not anything is known of it")
			}
			for _, s := range slices.Concat(r.needs, r.adds, r.doubts) {
				if s.clue.holds == nil || s.clue.says == "" && s.clue.value == nil {
					t.Errorf("clue %+v has no test or no words", s.clue.fact)
				}
			}
			for _, s := range r.doubts {
				if s.weight == reset.WeightNone || s.about == 0 {
					t.Errorf("doubt %s has no weight", s.clue.fact)
				}
			}
		})
	}
}

// TestEveryCauseHasWords: every cause of the list has its place in the
// precedence, a sentence for each side that can tell it, and what to do next.
func TestEveryCauseHasWords(t *testing.T) {
	for word := reset.UnreadData; word <= reset.Relayed; word++ {
		c := causeWords[word]
		if c == nil {
			t.Errorf("%s: no file", word)
			continue
		}
		if c.there == "" || c.next == "" || c.here == "" && !seenAlone[word] {
			t.Errorf("%s: lacks words: %q, %q, %q", word, c.here, c.there, c.next)
		}
		for _, text := range []string{c.here, c.there, c.next} {
			if strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n") || text != "" && unicode.IsUpper([]rune(text)[0]) && !strings.HasPrefix(text, "TCP") && !strings.HasPrefix(text, "Multipath") {
				t.Errorf("%s: %q: part of a sentence, without its full stop", word, text)
			}
		}
	}
}

// seenAlone are the causes that this host's own RSTs never have.
var seenAlone = map[reset.Cause]bool{
	reset.Refused: true, reset.PeerAbort: true, reset.PeerNoConnection: true, reset.Backscatter: true, reset.IdleTimeout: true,
}
