package reset

// String returns the word, as the record bears it.
func (w Direction) String() string { return wordString(directionNames, w) }

// MarshalText writes the word.
func (w Direction) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Direction) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Direction]("direction", directionNames, string(text))
	return err
}

// DirectionWords lists every word of this kind, in the order of their numbers.
func DirectionWords() []string { return directionNames[1:] }

// String returns the word, as the record bears it.
func (w Sender) String() string { return wordString(senderNames, w) }

// MarshalText writes the word.
func (w Sender) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Sender) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Sender]("sender", senderNames, string(text))
	return err
}

// SenderWords lists every word of this kind, in the order of their numbers.
func SenderWords() []string { return senderNames[1:] }

// String returns the word, as the record bears it.
func (w Cause) String() string { return wordString(causeNames, w) }

// MarshalText writes the word.
func (w Cause) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Cause) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Cause]("cause", causeNames, string(text))
	return err
}

// CauseWords lists every word of this kind, in the order of their numbers.
func CauseWords() []string { return causeNames[1:] }

// String returns the word, as the record bears it.
func (w Level) String() string { return wordString(levelNames, w) }

// MarshalText writes the word.
func (w Level) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Level) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Level]("confidence", levelNames, string(text))
	return err
}

// LevelWords lists every word of this kind, in the order of their numbers.
func LevelWords() []string { return levelNames[1:] }

// String returns the word, as the record bears it.
func (w Harm) String() string { return wordString(harmNames, w) }

// MarshalText writes the word.
func (w Harm) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Harm) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Harm]("harm", harmNames, string(text))
	return err
}

// HarmWords lists every word of this kind, in the order of their numbers.
func HarmWords() []string { return harmNames[1:] }

// String returns the word, as the record bears it.
func (w Verdict) String() string { return wordString(verdictNames, w) }

// MarshalText writes the word.
func (w Verdict) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Verdict) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Verdict]("verdict", verdictNames, string(text))
	return err
}

// VerdictWords lists every word of this kind, in the order of their numbers.
func VerdictWords() []string { return verdictNames[1:] }

// String returns the word, as the record bears it.
func (w Role) String() string { return wordString(roleNames, w) }

// MarshalText writes the word.
func (w Role) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Role) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Role]("role", roleNames, string(text))
	return err
}

// RoleWords lists every word of this kind, in the order of their numbers.
func RoleWords() []string { return roleNames[1:] }

// String returns the word, as the record bears it.
func (w Weight) String() string { return wordString(weightNames, w) }

// MarshalText writes the word.
func (w Weight) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Weight) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Weight]("weight", weightNames, string(text))
	return err
}

// WeightWords lists every word of this kind, in the order of their numbers.
func WeightWords() []string { return weightNames[1:] }

// String returns the word, as the record bears it.
func (w Family) String() string { return wordString(familyNames, w) }

// MarshalText writes the word.
func (w Family) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Family) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Family]("family", familyNames, string(text))
	return err
}

// FamilyWords lists every word of this kind, in the order of their numbers.
func FamilyWords() []string { return familyNames[1:] }

// String returns the word, as the record bears it.
func (w Baseline) String() string { return wordString(baselineNames, w) }

// MarshalText writes the word.
func (w Baseline) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Baseline) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Baseline]("baseline", baselineNames, string(text))
	return err
}

// BaselineWords lists every word of this kind, in the order of their numbers.
func BaselineWords() []string { return baselineNames[1:] }

// String returns the word, as the record bears it.
func (w Source) String() string { return wordString(sourceNames, w) }

// MarshalText writes the word.
func (w Source) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the word; one that is not in the closed list is an error.
func (w *Source) UnmarshalText(text []byte) (err error) {
	*w, err = parseWord[Source]("source", sourceNames, string(text))
	return err
}

// SourceWords lists every word of this kind, in the order of their numbers.
func SourceWords() []string { return sourceNames[1:] }
