package ast

import "testing"

// TestObjectTypesHaveWords leaves out what is part of something else and no
// command names.
func TestObjectTypesHaveWords(t *testing.T) {
	unnamed := map[ObjectType]bool{
		OBJECT_AMOP: true, OBJECT_AMPROC: true, OBJECT_DEFAULT: true,
		OBJECT_PUBLICATION_NAMESPACE: true, OBJECT_PUBLICATION_REL: true,
	}
	for kind := ObjectType(0); kind <= OBJECT_VIEW; kind++ {
		if got := kind.Words(); (got == "object") != unnamed[kind] {
			t.Errorf("kind %d is called %q", kind, got)
		}
	}
}
