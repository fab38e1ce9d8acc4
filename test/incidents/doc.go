// Package incidents rebuilds public incidents, each with its own source, and
// holds what the real program says of them against what truly happened. A
// program that names the mechanism and blames the wrong side fails here.
package incidents
