package parser

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// errorFacts restores what the library drops from the errors of PostgreSQL's
// grammar: the SQLSTATE where it is not 42601, the hint and the detail.
// Messages match exactly, or as prefix and suffix around one "%".
var errorFacts = []struct {
	message, code, hint, detail string
}{
	{"UNENCRYPTED PASSWORD is no longer supported", pgerr.FeatureNotSupportedCode,
		"Remove UNENCRYPTED to store the password in encrypted form instead.", ""},
	{"CREATE SCHEMA IF NOT EXISTS cannot include schema elements", pgerr.FeatureNotSupportedCode, "", ""},
	{"current database cannot be changed", pgerr.FeatureNotSupportedCode, "", ""},
	{"column number must be in range from 1 to 32767", pgerr.InvalidParameterValue, "", ""},
	{"modulus for hash partition provided more than once", pgerr.DuplicateObject, "", ""},
	{"remainder for hash partition provided more than once", pgerr.DuplicateObject, "", ""},
	{"MATCH PARTIAL not yet implemented", pgerr.FeatureNotSupportedCode, "", ""},
	{"a column list with % is only supported for ON DELETE actions", pgerr.FeatureNotSupportedCode, "", ""},
	{"CREATE EXTENSION ... FROM is no longer supported", pgerr.FeatureNotSupportedCode, "", ""},
	{"unrecognized row security option \"%\"", pgerr.SyntaxError,
		"Only PERMISSIVE or RESTRICTIVE policies are supported currently.", ""},
	{"CREATE OR REPLACE CONSTRAINT TRIGGER is not supported", pgerr.FeatureNotSupportedCode, "", ""},
	{"CREATE ASSERTION is not yet implemented", pgerr.FeatureNotSupportedCode, "", ""},
	{"RECHECK is no longer required", pgerr.FeatureNotSupportedCode, "Update your data type.", ""},
	{"aggregates cannot have output arguments", pgerr.FeatureNotSupportedCode, "", ""},
	{"missing argument", pgerr.SyntaxError,
		"Use NONE to denote the missing argument of a unary operator.", ""},
	{"WITH CHECK OPTION not supported on recursive views", pgerr.FeatureNotSupportedCode, "", ""},
	{"LIMIT #,# syntax is not supported", pgerr.SyntaxError, "Use separate LIMIT and OFFSET clauses.", ""},
	{"precision for type float must be at least 1 bit", pgerr.InvalidParameterValue, "", ""},
	{"precision for type float must be less than 54 bits", pgerr.InvalidParameterValue, "", ""},
	{"UNIQUE predicate is not yet implemented", pgerr.FeatureNotSupportedCode, "", ""},
	{"frame start cannot be UNBOUNDED FOLLOWING", pgerr.WindowingError, "", ""},
	{"frame end cannot be UNBOUNDED PRECEDING", pgerr.WindowingError, "", ""},
	{"frame starting from following row cannot end with current row", pgerr.WindowingError, "", ""},
	{"frame starting from current row cannot have preceding rows", pgerr.WindowingError, "", ""},
	{"frame starting from following row cannot have preceding rows", pgerr.WindowingError, "", ""},
	{"role name \"%\" is reserved", pgerr.ReservedName, "", ""},
	{"% cannot be used as a role name here", pgerr.ReservedName, "", ""},
	{"an ordered-set aggregate with a VARIADIC direct argument must have one VARIADIC aggregated argument of the same data type",
		pgerr.FeatureNotSupportedCode, "", ""},
	{"% constraints cannot be marked DEFERRABLE", pgerr.FeatureNotSupportedCode, "", ""},
	{"% constraints cannot be marked NOT VALID", pgerr.FeatureNotSupportedCode, "", ""},
	{"% constraints cannot be marked NO INHERIT", pgerr.FeatureNotSupportedCode, "", ""},
	{"unrecognized partitioning strategy \"%\"", pgerr.InvalidParameterValue, "", ""},
	{"invalid publication object list", pgerr.SyntaxError, "",
		"One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name."},
	{"unsafe use of string constant with Unicode escapes", pgerr.FeatureNotSupportedCode, "",
		"String constants with Unicode escapes cannot be used when standard_conforming_strings is off."},
	{"unsafe use of \\' in a string literal", pgerr.NonstandardUseOfEscapeCharacter,
		"Use '' to write quotes in strings. \\' is insecure in client-only encodings.", ""},
	{"invalid byte sequence for encoding \"UTF8\": %", pgerr.CharacterNotInRepertoire, "", ""},
}

// describe fills code, hint and detail of an error of the grammar in text.
func describe(e *pgerr.Error, text string) {
	describeUnicodeEscape(e, text)
	for i := range errorFacts {
		f := &errorFacts[i]
		if matches(f.message, e.Message) {
			e.Code, e.Hint, e.Detail = f.code, f.hint, f.detail
			return
		}
	}
}

// describeUnicodeEscape tells E'\u12' from U&'\12' by the character after the
// backslash the position points at.
func describeUnicodeEscape(e *pgerr.Error, text string) {
	if e.Message != "invalid Unicode escape" {
		return
	}
	rest := fromCharacter(text, int(e.Position))
	if len(rest) > 1 && (rest[1] == 'u' || rest[1] == 'U') {
		e.Code = pgerr.InvalidEscapeSequence
		e.Hint = `Unicode escapes must be \uXXXX or \UXXXXXXXX.`
		return
	}
	e.Hint = `Unicode escapes must be \XXXX or \+XXXXXX.`
}

func matches(pattern, message string) bool {
	before, after, wild := strings.Cut(pattern, "%")
	if !wild {
		return pattern == message
	}
	return len(message) >= len(before)+len(after) &&
		strings.HasPrefix(message, before) && strings.HasSuffix(message, after)
}

// fromCharacter returns text from its n-th character (1-based) on.
func fromCharacter(text string, n int) string {
	for i := range text {
		if n--; n <= 0 {
			return text[i:]
		}
	}
	return ""
}

func atEndOfInput(e *pgerr.Error) bool {
	return strings.HasSuffix(e.Message, " at end of input")
}
