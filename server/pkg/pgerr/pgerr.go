// Package pgerr is the one error type of the server: whatever a client can
// cause is an *Error that carries PostgreSQL's SQLSTATE, message and fields
// from birth, so that no layer above has to guess them.
//
// Promises: an *Error is plain data, safe to copy with Clone; the With…
// methods change the receiver and return it, so they belong right after New.
// Limits: Position counts characters from 1, as the protocol does; tree
// locations (bytes from 0) are kept with AtByte until the session, which knows
// the statement's text, turns them into Position.
package pgerr

import (
	"errors"
	"fmt"
)

// Severities as they stand in the S and V fields.
const (
	SeverityError   = "ERROR"
	SeverityFatal   = "FATAL"
	SeverityPanic   = "PANIC"
	SeverityWarning = "WARNING"
	SeverityNotice  = "NOTICE"
	SeverityInfo    = "INFO"
	SeverityLog     = "LOG"
	SeverityDebug   = "DEBUG"
)

// Error is an error or a notice as the protocol's ErrorResponse and
// NoticeResponse carry it. Empty fields are not sent.
type Error struct {
	Severity string
	Code     string // SQLSTATE, five characters
	Message  string
	Detail   string
	Hint     string

	// Position is the 1-based character offset into the statement; 0 is none.
	Position int32
	// InternalPosition and InternalQuery point into a statement the server
	// itself generated (a function body).
	InternalPosition int32
	InternalQuery    string
	Where            string

	Schema     string
	Table      string
	Column     string
	DataType   string
	Constraint string

	File    string
	Line    int32
	Routine string

	// byteOffset is a tree location + 1; 0 is none.
	byteOffset int32
	cause      error
}

// New makes an error of severity ERROR.
func New(code, message string) *Error {
	return &Error{Severity: SeverityError, Code: code, Message: message}
}

// Newf is New with a format. Its %w operand is kept for errors.Is.
func Newf(code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{
		Severity: SeverityError, Code: code, Message: wrapped.Error(),
		cause: errors.Unwrap(wrapped),
	}
}

// Notice makes a message of severity NOTICE with SQLSTATE 00000.
func Notice(format string, args ...any) *Error {
	return &Error{
		Severity: SeverityNotice, Code: SuccessfulCompletion,
		Message: fmt.Sprintf(format, args...),
	}
}

// Warning makes a message of severity WARNING with the given SQLSTATE.
func Warning(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityWarning, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Fatal makes an error that ends the connection.
func Fatal(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityFatal, Code: code, Message: fmt.Sprintf(format, args...)}
}

// FeatureNotSupported is the answer (0A000) to something PostgreSQL has and
// this server does not have yet. feature is a noun phrase, "row-level security" or
// "temporary tables".
func FeatureNotSupported(feature string) *Error {
	return New(FeatureNotSupportedCode, "pgz does not support "+feature+" yet")
}

// Internal is XX000: a broken promise inside the server, never a client's doing.
func Internal(format string, args ...any) *Error {
	return Newf(InternalError, format, args...)
}

// Error renders the message and its code, for logs.
func (e *Error) Error() string {
	return e.Severity + ": " + e.Message + " (SQLSTATE " + e.Code + ")"
}

// Unwrap returns what Newf wrapped or WithCause set.
func (e *Error) Unwrap() error { return e.cause }

// IsError tells whether the severity aborts a statement (not a notice).
func (e *Error) IsError() bool {
	switch e.Severity {
	case SeverityError, SeverityFatal, SeverityPanic:
		return true
	}
	return false
}

// Clone returns a copy that may be changed.
func (e *Error) Clone() *Error {
	c := *e
	return &c
}

// As finds the *Error in err's chain, nil when there is none.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// From is As, with any other error turned into XX000.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e := As(err); e != nil {
		return e
	}
	return Internal("%s", err.Error()).WithCause(err)
}

// Code returns the SQLSTATE of err: XX000 for an error that is not ours, ""
// for nil.
func Code(err error) string {
	if err == nil {
		return ""
	}
	if e := As(err); e != nil {
		return e.Code
	}
	return InternalError
}
