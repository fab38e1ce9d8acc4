// Package reset is the vocabulary of rstwatch: what one TCP reset is, what one
// sensor saw of it, and the closed lists of words that describe it.
//
// A Sighting is one sensor's view of a RST segment. A Reset is one RST segment
// as one network namespace met it, in one direction, after its sightings have
// been joined. Everything else in the program turns the one into the other,
// keeps it, or shows it.
//
// The package imports nothing of the project. The JSON form of a Reset, a
// Coverage and a Control is an interface that other programs rely on: its
// names never change meaning.
package reset
