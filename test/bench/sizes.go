package bench

import "time"

// Sizes are how much of everything a run makes.
type Sizes struct {
	Rounds        int           // of ordinary traffic and of drops, for each watcher
	Packets       int           // ordinary packets a burst
	Bursts        int           // bursts a round; the fastest counts
	Drops         int           // dropped packets a burst
	StormRounds   int           // storms for each recorder
	Storm         int           // SYNs a storm
	LatencySlow   int           // resets, one a second
	LatencyFast   int           // resets, a thousand a second
	Rest          time.Duration // how long the daemon rests before it is weighed
	JournalResets int           // appended to a journal by themselves
	LogLines      int           // of a kernel log
	LogRounds     int           // of reading it
	slowGap       time.Duration
	calmLook      time.Duration // how long to look whether the machine is calm
	Patience      time.Duration // with one that is not, for the whole run
}

// Full is what the published figures are made of: about half an hour.
func Full() Sizes {
	return Sizes{
		Rounds: 15, Packets: 5000, Bursts: 100, Drops: 5000,
		StormRounds: 3, Storm: 3_000_000,
		LatencySlow: 60, LatencyFast: 5000, Rest: time.Minute, JournalResets: 1_000_000,
		LogLines: 2_000_000, LogRounds: 5,
		slowGap: time.Second, calmLook: 300 * time.Millisecond, Patience: 15 * time.Minute,
	}
}

// Short is enough to see that everything works: some seconds.
func Short() Sizes {
	return Sizes{
		Rounds: 1, Packets: 2000, Bursts: 1, Drops: 2000,
		StormRounds: 1, Storm: 3000,
		LatencySlow: 2, LatencyFast: 50, Rest: 100 * time.Millisecond, JournalResets: 3000,
		LogLines: 3000, LogRounds: 1,
		slowGap: 100 * time.Millisecond,
	}
}
