// Package check reads the files of a classic set-up (LOG rules, a syslog daemon,
// a rotation, what loads the rules at boot) and finds what is wrong with them:
// resets that are not logged, lines that land twice or nowhere, logs that lose
// their protection.
//
// Firewall rules are not looked at but tried: resets that could be are run
// through them, in each direction, family and with each port that a rule names,
// and what is logged is compared. So a rule set is judged by what it does,
// however it is written. What cannot be evaluated is left out and said so.
//
// Everything that is read may be hostile. Files, lines and sets have bounds, and
// what is beyond them is a note in the report.
package check
