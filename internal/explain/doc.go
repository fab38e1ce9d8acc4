// Package explain tells one reset's story for people: what happened, who and
// why and how sure that is, what speaks for it and against it, in which order
// things came, what is not known, and what to look at next. Where there was no
// reset, it says whether anybody was watching.
//
// The verdict is the record's, the general part is the cause's page; nothing is
// judged here. Strings that others chose are cleaned on their way into a Story.
package explain
